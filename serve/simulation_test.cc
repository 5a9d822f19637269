// The scheduler under random requests, cancellations, drafts and tiny memories, with every
// invariant checked around every step, and every answer compared with that of the request alone.
// 40,000 steps by default; AISP_SCHEDULER_STEPS=1000000 is the long form.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/rng.h"
#include "serve/scheduler.h"
#include "serve/sim_executor.h"

namespace aisp::serve {
namespace {

long wanted_steps() {
  const char* text = std::getenv("AISP_SCHEDULER_STEPS");
  return text != nullptr ? std::atol(text) : 40'000;
}

Config random_config(Rng& rng) {
  Config config;
  const auto between = [&](int low, int high) {
    return low + static_cast<int>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  config.slots = between(2, 24);
  config.max_running = between(1, 8);
  config.max_rows = config.max_running + between(0, 24);
  config.max_drafts = between(0, 1) * between(1, 4);
  config.block_tokens = between(1, 4);
  config.device_blocks = between(6, 40);
  config.host_blocks = between(0, 1) * between(1, 30);
  config.share_prefixes = rng.below(8) != 0;
  config.eviction = static_cast<Eviction>(rng.below(2));
  if (rng.below(4) == 0) config.reserve = Config::Reserve::kWhole;
  config.tenants = between(1, 3);
  if (rng.below(2) == 0) {
    for (int i = 0; i < config.tenants; ++i) config.weights.push_back(1.0 + between(0, 3));
  }
  config.time = {.step_s = 0.01,
                 .prompt_token_s = 0.0005 * between(1, 8),
                 .decode_row_s = 0.0005,
                 .context_token_s = 1e-5 * between(0, 3),
                 .moved_block_s = 1e-4};
  return config;
}

// One world: a state, its executor, and what was asked of it.
class World {
 public:
  explicit World(std::uint64_t seed)
      : rng_(seed), state_(random_config(rng_)), executor_(options_for(state_.config)) {}

  long run() {
    long steps = 0;
    for (; steps < 400; ++steps) {
      for (std::uint64_t n = rng_.below(3); n > 0; --n) submit_one();
      if (rng_.below(12) == 0) cancel_one();
      step_once();
    }
    const long limit = steps + drain_limit();
    while (!asked_.empty()) {
      step_once();
      ++steps;
      EXPECT_LT(steps, limit) << "starvation";
      if (steps >= limit) return steps;
    }
    expect_empty();
    return steps;
  }

 private:
  struct Asked {
    Request request;
    std::vector<Token> output;
    bool ended = false;
  };

  static SimExecutor::Options options_for(const Config& config) {
    return {.block_tokens = config.block_tokens,
            .device_blocks = config.device_blocks,
            .host_blocks = config.host_blocks,
            .vocabulary = 3,
            .time = config.time,
            .strict = true};
  }

  // If each step computed one token of one request after the last loss of all memory, this would
  // still be more than enough.
  long drain_limit() const {
    long tokens = 0;
    for (const auto& [slot, asked] : asked_) {
      tokens += static_cast<long>(asked.request.prompt.size()) + asked.request.max_tokens;
    }
    return 50 + 4 * tokens;
  }

  void submit_one() {
    const int most = state_.config.block_tokens * state_.config.device_blocks;
    Request request;
    request.id = ++last_id_;
    request.tenant =
        static_cast<int>(rng_.below(static_cast<std::uint64_t>(state_.config.tenants)));
    request.cache_domain = rng_.below(8) == 0;
    const std::uint64_t length = 1 + rng_.below(static_cast<std::uint64_t>(most));
    // Two tokens and a bias to one: long common prefixes.
    for (std::uint64_t i = 0; i < length; ++i) request.prompt.push_back(rng_.below(6) == 0);
    request.max_tokens = 1 + static_cast<int>(rng_.below(12));
    if (rng_.below(2) == 0) request.stop_tokens.push_back(2);
    request.sampling.seed = rng_.below(2);
    request.patience_s = 0.05 * static_cast<double>(rng_.below(40));
    if (rng_.below(6) == 0) {
      request.hidden = std::make_shared<HiddenSum>(1);
      request.max_tokens = 1;
    }
    if (rng_.below(10) == 0) request.first_token_by_s = now_ + 0.3 * rng_.uniform();
    const Verdict verdict = submit(state_, request, now_);
    check_integrity(state_);
    if (verdict.slot < 0) return;
    ASSERT_FALSE(asked_.contains(verdict.slot));
    asked_[verdict.slot] = {std::move(request), {}, false};
  }

  void cancel_one() {
    if (asked_.empty()) return;
    auto chosen = asked_.begin();
    std::advance(chosen, static_cast<long>(rng_.below(asked_.size())));
    EXPECT_TRUE(cancel(state_, chosen->first, chosen->second.request.id));
    check_integrity(state_);
    collect();
  }

  void draft() {
    for (const int slot : state_.running) {
      const Slot& s = state_.slots[static_cast<std::size_t>(slot)];
      if (wanted_drafts(state_, slot) == 0 && rng_.below(2) == 0) continue;
      const std::vector<Token> right = executor_.alone(asked_.at(slot).request);
      std::vector<Token> guesses;
      for (std::size_t i = static_cast<std::size_t>(s.known() - s.prompt); i < right.size(); ++i) {
        guesses.push_back(rng_.below(3) == 0 ? 0 : right[i]);
      }
      set_drafts(state_, slot, guesses);
    }
  }

  void step_once() {
    if (state_.config.max_drafts > 0) draft();
    const int earliest = state_.running.empty() ? -1 : state_.running.front();
    const Plan& plan = step(state_, now_);
    check_plan(state_);
    check_integrity(state_);
    if (earliest >= 0) {  // whoever is due first keeps its memory: so somebody always ends
      EXPECT_EQ(state_.slots[static_cast<std::size_t>(earliest)].stage, Stage::kRunning);
    }
    collect();
    if (plan.empty()) {
      now_ += 0.01;
      return;
    }
    executor_.run(plan, result_);
    now_ += result_.seconds;
    for (std::size_t i = 0; i < plan.work.size(); ++i) {
      Asked& asked = asked_.at(plan.work[i].slot);
      for (const Token token : result_.answer(i)) asked.output.push_back(token);
    }
    if (rng_.below(20) == 0) submit_one();
    if (rng_.below(20) == 0) cancel_one();
    complete(state_, result_);
    check_integrity(state_);
    collect();
  }

  void collect() {
    for (const Ended& ended : state_.ended) {
      const auto found = asked_.find(ended.slot);
      ASSERT_NE(found, asked_.end());
      Asked& asked = found->second;
      EXPECT_EQ(asked.request.id, ended.id);
      std::vector<Token> right = executor_.alone(asked.request);
      if (asked.request.hidden != nullptr) {
        right.clear();
        expect_states(asked.request, ended.finish);
      }
      // Accepted drafts may run past a stop token or the limit; what counts is cut there.
      asked.output.resize(std::min(asked.output.size(), right.size()));
      if (ended.finish == Finish::kCancelled || ended.finish == Finish::kLate) {
        right.resize(asked.output.size());
      }
      EXPECT_EQ(asked.output, right);
      asked_.erase(found);
    }
    state_.ended.clear();
  }

  void expect_states(const Request& request, Finish finish) {
    EXPECT_NE(finish, Finish::kLength);
    if (finish != Finish::kStop) return;
    EXPECT_EQ(request.hidden->tokens, static_cast<int>(request.prompt.size()));
    EXPECT_EQ(request.hidden->sum[0], SimExecutor::hidden_alone(request));
    ++summed_;
  }

  void expect_empty() {
    EXPECT_TRUE(step(state_, now_).empty());
    EXPECT_EQ(state_.pool.free() + state_.index.evictable(), state_.pool.total());
    EXPECT_EQ(state_.counters.submitted, state_.counters.ended);
    if (state_.config.reserve == Config::Reserve::kWhole) {
      EXPECT_EQ(state_.counters.preemptions, 0u);
    }
  }

  Rng rng_;
  State state_;
  SimExecutor executor_;
  Result result_;
  std::map<int, Asked> asked_;  // by slot
  std::uint64_t last_id_ = 0;
  double now_ = 0.0;
  std::uint64_t summed_ = 0;

 public:
  std::uint64_t summed() const { return summed_; }
  const Counters& counters() const { return state_.counters; }
};

TEST(Simulation, EveryInvariantHoldsAndEveryAnswerIsItsOwn) {
  long steps = 0;
  Counters sum;
  std::uint64_t summed = 0;
  for (std::uint64_t seed = 1; steps < wanted_steps(); ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    steps += world.run();
    if (testing::Test::HasFailure()) return;
    const Counters& c = world.counters();
    summed += world.summed();
    sum.preemptions += c.preemptions;
    sum.cached_tokens += c.cached_tokens;
    sum.to_host += c.to_host;
    sum.from_host += c.from_host;
    sum.copied += c.copied;
    sum.parked += c.parked;
    sum.late += c.late;
    sum.accepted += c.accepted;
    sum.drafted += c.drafted;
    sum.evicted += c.evicted;
    sum.ended += c.ended;
  }
  // The worlds are harsh enough that everything happens.
  for (const std::uint64_t count :
       {sum.preemptions, sum.cached_tokens, sum.to_host, sum.from_host, sum.copied, sum.parked,
        sum.late, sum.accepted, sum.evicted, summed}) {
    EXPECT_GT(count, 50u);
  }
  EXPECT_LT(sum.accepted, sum.drafted);
  std::printf(
      "steps %ld, requests %lu, preempted %lu, to host %lu, back %lu, copied %lu, parked %lu\n",
      steps, sum.ended, sum.preemptions, sum.to_host, sum.from_host, sum.copied, sum.parked);
}

}  // namespace
}  // namespace aisp::serve
