// See server.h.
#include "recorded/server.h"

#include <algorithm>

namespace aisp::recorded {
namespace {

constexpr double kBytesPerS = 30e9, kFlopsPerS = 80e9;

}  // namespace

serve::Config config_of(const Shape& shape, std::int64_t running) {
  serve::Config config;
  config.slots = static_cast<int>(shape.count());
  config.max_running = static_cast<int>(running);
  config.max_rows = static_cast<int>(running + shape.longest_prompt);
  config.block_tokens = static_cast<int>(model::kBlockTokens);
  config.device_blocks = static_cast<int>(running * Shape::blocks_for(shape.longest));
  config.share_prefixes = false;  // unless a lab is about them
  config.time.step_s = static_cast<double>(shape.model.packed_bytes()) / kBytesPerS;
  config.time.prompt_token_s =
      2.0 * static_cast<double>(model::parameter_count(shape.model.config())) / kFlopsPerS;
  config.time.decode_row_s = config.time.prompt_token_s;
  config.time.context_token_s = 0.0;  // of a few hundred tokens
  return config;
}

Server::Server(Steps& steps, const serve::Config& config, const HostBlocks* host)
    : steps_(steps), scheduler_(config), host_(host) {
  check(config.device_blocks <= steps.cache().blocks(), "the scheduler's blocks are the cache's");
}

void Server::submit(std::int64_t request, int tenant, double patience_s) {
  const Request& own = steps_.shape().request(request);
  const auto prompt = steps_.tokens(request, 0, own.prompt);
  serve::Request asked;
  asked.id = static_cast<std::uint64_t>(request);
  asked.tenant = tenant;
  asked.patience_s = patience_s;
  asked.prompt.assign(prompt.begin(), prompt.end());
  asked.max_tokens = static_cast<int>(own.answer);
  check(serve::submit(scheduler_, std::move(asked), now_s_).why == serve::Verdict::Why::kAccepted,
        "the scheduler has room for the lab's requests");
}

void Server::move(const serve::Move& move) {
  model::KvCache& cache = steps_.cache();
  switch (move.kind) {
    case serve::Move::Kind::kCopy:
      std::ranges::copy(cache.block(move.from), cache.block(move.to).begin());
      return;
    case serve::Move::Kind::kToHost:
      return host_->store(move.to, cache.block(move.from));
    case serve::Move::Kind::kFromHost:
      return host_->load(move.from, cache.block(move.to));
  }
}

bool Server::step() {
  const serve::Plan& plan = serve::step(scheduler_, now_s_);
  if (plan.empty()) return false;
  for (const serve::Move& one : plan.moves) move(one);
  result_.clear();
  for (const serve::Work& work : plan.work) {
    const auto request = static_cast<std::int64_t>(work.request->id);
    steps_.add(request, work.first, work.known, work.blocks, !work.emits);
    if (work.emits) result_.tokens.push_back(steps_.tokens(request, work.first + work.known, 1)[0]);
    result_.close();
  }
  steps_.forward();
  result_.seconds = plan.predicted_s;
  now_s_ += plan.predicted_s;
  serve::complete(scheduler_, result_);
  return true;
}

}  // namespace aisp::recorded
