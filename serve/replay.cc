// See replay.h.
#include "serve/replay.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "base/error.h"
#include "base/rng.h"
#include "serve/sim_executor.h"

namespace aisp::serve {

namespace {

double real_now_s() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

// What unlimited memory would find, each request in its turn.
class IdealCache {
 public:
  explicit IdealCache(int block_tokens) : block_tokens_(static_cast<std::size_t>(block_tokens)) {}

  std::int64_t find_and_add(std::span<const Token> prompt) {
    std::uint64_t state = 0;
    std::int64_t found = 0;
    bool all = true;
    for (std::size_t i = 0; i < prompt.size(); ++i) {
      state = SimExecutor::content(state, 0, prompt[i]);
      if ((i + 1) % block_tokens_ != 0) continue;
      all = !seen_.insert(state).second && all;
      if (all) found = static_cast<std::int64_t>(i + 1);
    }
    return std::min(found, static_cast<std::int64_t>(prompt.size()) - 1);
  }

 private:
  std::size_t block_tokens_;
  std::unordered_set<std::uint64_t> seen_;
};

class Replay {
 public:
  Replay(const RequestTrace& trace, const ReplayOptions& options)
      : trace_(trace),
        options_(options),
        state_(options.config),
        executor_({.block_tokens = options.config.block_tokens,
                   .device_blocks = options.config.device_blocks,
                   .host_blocks = options.config.host_blocks,
                   .vocabulary = kTraceVocabulary,
                   .time = options.config.time}),
        ideal_(options.config.block_tokens),
        open_(state_.slots.size()),
        last_token_s_(state_.slots.size()),
        ideal_tokens_(state_.slots.size()) {}

  ReplayResult run() {
    const double begin_s = real_now_s();
    const std::size_t count =
        options_.requests > 0
            ? std::min(trace_.requests.size(), static_cast<std::size_t>(options_.requests))
            : trace_.requests.size();
    while (next_ < count || in_system_ > 0) {
      while (next_ < count && arrival_s(next_) <= now_s_) submit_next();
      if (!step_once() && next_ < count) now_s_ = std::max(now_s_, arrival_s(next_));
    }
    result_.virtual_s = now_s_;
    result_.real_s = real_now_s() - begin_s;
    result_.counters = state_.counters;
    return std::move(result_);
  }

 private:
  double arrival_s(std::size_t i) const { return trace_.requests[i].arrival_s / options_.speed; }

  void submit_next() {
    const TracedRequest& traced = trace_.requests[next_];
    Request request;
    request.id = next_;
    request.prompt = traced_prompt(trace_, next_, options_.shrink);
    request.max_tokens = std::max(1, traced.output_tokens / options_.shrink);
    request.sampling.seed = next_;
    const double arrived_s = arrival_s(next_++);
    if (options_.first_token_within_s > 0) {
      request.first_token_by_s = arrived_s + options_.first_token_within_s;
    }
    const std::int64_t ideal = ideal_.find_and_add(request.prompt);
    const int prompt = static_cast<int>(request.prompt.size());
    const Request asked = options_.hindsight ? request : Request{};
    const Verdict verdict = submit(state_, std::move(request), now_s_);
    if (verdict.slot < 0) {
      ++(verdict.why == Verdict::Why::kTooLong ? result_.refused_too_long : result_.refused);
      if (options_.hindsight && verdict.why == Verdict::Why::kTooLate) {
        result_.wrongly_refused += in_time_after_all(asked);
      }
      return;
    }
    ++in_system_;
    ideal_tokens_[static_cast<std::size_t>(verdict.slot)] = ideal;
    open_[static_cast<std::size_t>(verdict.slot)] = {.arrival_s = arrived_s,
                                                     .prompt_tokens = prompt};
  }

  // Newcomers do not matter to it: they are due later.
  bool in_time_after_all(Request request) const {
    State world = state_;
    SimExecutor executor = executor_;
    Result answers;
    const double by_s = request.first_token_by_s;
    request.patience_s = by_s - now_s_;  // the same place in the queue, and no refusal
    request.first_token_by_s = std::numeric_limits<double>::infinity();
    const Verdict verdict = submit(world, std::move(request), now_s_);
    if (verdict.slot < 0) return false;
    for (double now_s = now_s_; now_s <= by_s;) {
      const Plan& plan = step(world, now_s);
      if (plan.empty()) return false;
      executor.run(plan, answers);
      now_s += answers.seconds;
      for (std::size_t i = 0; i < plan.work.size(); ++i) {
        if (plan.work[i].slot == verdict.slot && plan.work[i].emits) return now_s <= by_s;
      }
      complete(world, answers);
      world.ended.clear();
    }
    return false;
  }

  bool step_once() {
    const double begin_s = real_now_s();
    const Plan& plan = step(state_, now_s_);
    const double planned_s = real_now_s();
    const bool planned = !plan.empty();
    if (planned) {
      executor_.run(plan, answers_);
      now_s_ += answers_.seconds;
      for (std::size_t i = 0; i < plan.work.size(); ++i) {
        take(plan.work[i], static_cast<int>(answers_.answer(i).size()));
      }
      const double ran_s = real_now_s();
      complete(state_, answers_);
      result_.step_us.push_back(
          static_cast<float>((planned_s - begin_s + real_now_s() - ran_s) * 1e6));
    }
    for (const Ended& ended : state_.ended) {
      --in_system_;
      ReplayedRequest& request = open_[static_cast<std::size_t>(ended.slot)];
      if (ended.finish == Finish::kLate) {
        ++result_.late;
        continue;
      }
      request.end_s = now_s_;
      result_.prompt_tokens += request.prompt_tokens;
      result_.output_tokens += request.output_tokens;
      result_.cached_tokens += request.cached_tokens;
      result_.ideal_tokens += ideal_tokens_[static_cast<std::size_t>(ended.slot)];
      result_.requests.push_back(request);
    }
    state_.ended.clear();
    return planned;
  }

  void take(const Work& work, int tokens) {
    const auto slot = static_cast<std::size_t>(work.slot);
    ReplayedRequest& request = open_[slot];
    if (tokens == 0) return;
    double& last_s = last_token_s_[slot];
    if (request.output_tokens == 0) {
      request.first_token_s = now_s_;
      const Slot& s = state_.slots[slot];
      if (s.preemptions == 0) request.cached_tokens = s.cached;
    } else {
      result_.gaps_s.push_back(static_cast<float>(now_s_ - last_s));
    }
    last_s = now_s_;
    request.output_tokens += tokens;
  }

  const RequestTrace& trace_;
  const ReplayOptions& options_;
  State state_;
  SimExecutor executor_;
  IdealCache ideal_;
  std::vector<ReplayedRequest> open_;  // by slot
  std::vector<double> last_token_s_;
  std::vector<std::int64_t> ideal_tokens_;
  ReplayResult result_;
  Result answers_;
  std::size_t next_ = 0;
  int in_system_ = 0;
  double now_s_ = 0.0;
};

}  // namespace

std::vector<Token> traced_prompt(const RequestTrace& trace, std::size_t number, int shrink) {
  const TracedRequest& traced = trace.requests[number];
  const int length = std::max(1, traced.prompt_tokens / shrink);
  const int width = std::max(1, trace.hash_tokens / shrink);
  std::vector<Token> prompt(static_cast<std::size_t>(length));
  for (int i = 0; i < length; ++i) {
    const auto block = static_cast<std::size_t>(i / width);
    const bool known = trace.hash_tokens > 0 && block < traced.prefix.size();
    const std::uint64_t origin = known ? static_cast<std::uint64_t>(traced.prefix[block]) * 2
                                       : static_cast<std::uint64_t>(number) * 2 + 1;
    const std::uint64_t place = static_cast<std::uint64_t>(known ? i % width : i);
    prompt[static_cast<std::size_t>(i)] =
        static_cast<Token>(derive_seed(origin, place) % kTraceVocabulary);
  }
  return prompt;
}

ReplayResult replay(const RequestTrace& trace, const ReplayOptions& options) {
  if (options.shrink < 1 || !(options.speed > 0) || options.requests < 0) {
    throw Error("shrink, speed and requests are positive", "replay", "correct the options");
  }
  return Replay(trace, options).run();
}

double quantile(std::vector<double>& values, double p) {
  if (values.empty()) return 0.0;
  const double last = static_cast<double>(values.size() - 1);
  const auto place = static_cast<std::ptrdiff_t>(std::llround(std::clamp(p, 0.0, 1.0) * last));
  std::nth_element(values.begin(), values.begin() + place, values.end());
  return values[static_cast<std::size_t>(place)];
}

}  // namespace aisp::serve
