// Taking requests in, or refusing them with the time after which to try again (scheduler.h). The
// prediction is the step's own time model applied to what is queued before the request.
#include <algorithm>
#include <cmath>

#include "serve/memory.h"

namespace aisp::serve {

namespace {

Verdict::Why refusal(const State& state, const Request& request) {
  if (request.prompt.empty() || request.max_tokens < 1 || request.tenant < 0 ||
      request.tenant >= state.config.tenants || !(request.patience_s >= 0) ||
      (request.hidden != nullptr && request.max_tokens != 1)) {
    return Verdict::Why::kInvalid;
  }
  const double tokens = static_cast<double>(request.prompt.size()) + request.max_tokens;
  if (std::ceil(tokens / state.config.block_tokens) > state.config.device_blocks) {
    return Verdict::Why::kTooLong;
  }
  return Verdict::Why::kAccepted;
}

// A tenant that was away does not come back with the unused time of its absence.
void catch_up(State& state, Tenant& tenant) {
  double least = std::numeric_limits<double>::infinity();
  for (const Tenant& other : state.tenants) {
    if (other.requests > 0) least = std::min(least, other.service_s);
  }
  if (std::isfinite(least)) tenant.service_s = std::max(tenant.service_s, least);
}

}  // namespace

double first_token_after(const Config& config, const StepWork& decode, int longest_context,
                         double prompt_tokens) {
  const double tokens = std::min(prompt_budget(config, decode, longest_context),
                                 config.max_rows - static_cast<int>(decode.decode_rows));
  const double steps = std::ceil(prompt_tokens / std::max(1.0, tokens));
  return steps * config.time.seconds(decode) + prompt_tokens * config.time.prompt_token_s;
}

double predict_first_token(const State& state, double due_s, int prompt_tokens) {
  StepWork decode;
  double ahead = prompt_tokens;
  int longest = 0;
  for (const Slot& slot : state.slots) {
    if (slot.stage == Stage::kUnused) continue;
    if (slot.stage == Stage::kRunning && slot.remaining() == 1) {
      decode.decode_rows += 1;
      decode.context_tokens += slot.known();
      longest = std::max(longest, slot.known());
    } else if (slot.due_s <= due_s) {
      ahead += slot.remaining();
    }
  }
  return first_token_after(state.config, decode, longest, ahead);
}

Verdict submit(State& state, Request request, double now_s) {
  Verdict verdict{.why = refusal(state, request)};
  if (verdict.why != Verdict::Why::kAccepted) return verdict;
  const Config& config = state.config;
  const double due_s = std::min(now_s + request.patience_s, request.first_token_by_s);
  const int prompt = static_cast<int>(request.prompt.size());
  int to_compute = prompt;
  if (config.share_prefixes && request.hidden == nullptr &&
      std::isfinite(request.first_token_by_s)) {
    const auto match = state.index.match(request.cache_domain, request.prompt);
    to_compute = std::max(1, prompt - match.blocks * config.block_tokens);
  }
  verdict.first_token_s = predict_first_token(state, due_s, to_compute);
  const double late_s = now_s + verdict.first_token_s - request.first_token_by_s;
  if (state.unused.empty()) {
    verdict.why = Verdict::Why::kQueueFull;
    verdict.retry_after_s = verdict.first_token_s;
    return verdict;
  }
  if (late_s > 0) {
    verdict.why = Verdict::Why::kTooLate;
    verdict.retry_after_s = late_s;
    return verdict;
  }
  verdict.slot = state.unused.back();
  state.unused.pop_back();
  Tenant& tenant = state.tenants[static_cast<std::size_t>(request.tenant)];
  if (tenant.requests++ == 0) {
    --tenant.requests;
    catch_up(state, tenant);
    ++tenant.requests;
  }
  tenant.queue.reserve(static_cast<std::size_t>(tenant.requests));
  Slot& slot = state.slots[static_cast<std::size_t>(verdict.slot)];
  const int most = prompt + request.max_tokens;
  slot = Slot{};
  slot.stage = Stage::kWaiting;
  slot.tokens = std::move(request.prompt);
  slot.tokens.reserve(static_cast<std::size_t>(most) + 1);
  slot.blocks.reserve(
      static_cast<std::size_t>(blocks_for(most + config.max_drafts, config.block_tokens)) + 1);
  slot.drafts.reserve(static_cast<std::size_t>(config.max_drafts));
  slot.has_stops = !request.stop_tokens.empty();
  slot.tenant = request.tenant;
  slot.prompt = prompt;
  slot.most = most;
  slot.arrival_s = now_s;
  slot.acceptance = state.acceptance;
  slot.due_s = due_s;
  slot.order = state.next_order++;
  slot.request = std::move(request);
  if (slot.request.grammar != nullptr) slot.grammar.emplace(slot.request.grammar);
  ++state.counters.submitted;
  enqueue(state, verdict.slot);
  return verdict;
}

}  // namespace aisp::serve
