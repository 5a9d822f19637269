// The policies on made-up telemetry: each as its line in router.h says, none to a draining engine.
#include "serve/router.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/rng.h"

namespace aisp::serve {
namespace {

constexpr int kEngines = 4;

Route ask(Policy policy, std::span<const Telemetry> engines, const Question& question,
          RouterOptions options = {}) {
  options.policy = policy;
  return route(Config{}, options, engines, question, 0.0);
}

TEST(Router, NamesAreTheirOwn) {
  for (const Policy policy : kPolicies) EXPECT_EQ(policy_of(name_of(policy)), policy);
  EXPECT_FALSE(policy_of("best"));
}

TEST(Router, TurnsGoAroundAndPassWhoDrains) {
  std::vector<Telemetry> engines(kEngines);
  engines[2].draining = true;
  std::vector<int> got;
  for (std::uint64_t turn = 0; turn < 4; ++turn) {
    got.push_back(ask(Policy::kRoundRobin, engines, {.prompt_tokens = 9, .turns = {turn}}).engine);
  }
  EXPECT_EQ(got, (std::vector<int>{0, 1, 3, 3}));
}

TEST(Router, LengthDecidesThePool) {
  const std::vector<Telemetry> engines(kEngines);
  const RouterOptions options{.long_engines = 1, .long_tokens = 100};
  for (std::uint64_t turn = 0; turn < 9; ++turn) {
    const Question little{.prompt_tokens = 99, .turns = {turn, 0}};
    const Question large{.prompt_tokens = 100, .turns = {0, turn}};
    EXPECT_EQ(ask(Policy::kByLength, engines, little, options).engine, static_cast<int>(turn % 3));
    EXPECT_EQ(ask(Policy::kByLength, engines, large, options).engine, 3);
    EXPECT_EQ(ask(Policy::kByLength, engines, large, options).pool, 1);
  }
}

TEST(Router, AClosedPoolFallsBackOnTheFleet) {
  std::vector<Telemetry> engines(kEngines);
  engines[3].draining = true;
  const RouterOptions options{.long_engines = 1, .long_tokens = 100};
  EXPECT_EQ(
      ask(Policy::kByLength, engines, {.prompt_tokens = 100, .turns = {0, 2}}, options).engine, 2);
}

TEST(Router, TheLeastQueueAndTheCachedPrefixWin) {
  std::vector<Telemetry> engines(kEngines);
  for (Telemetry& engine : engines) engine.queued_tokens = 500;
  engines[2].queued_tokens = 400;
  const std::vector<int> cached = {0, 200, 0, 0};
  const Question question{.prompt_tokens = 256, .cached = cached};
  EXPECT_EQ(ask(Policy::kLeastQueued, engines, question).engine, 2);
  EXPECT_EQ(ask(Policy::kLeastTtft, engines, question).engine, 1);  // 100 queued, 200 saved
  engines[1].queued_tokens = 800;
  EXPECT_EQ(ask(Policy::kLeastTtft, engines, question).engine, 2);
}

TEST(Router, StreamsSlowAPromptDown) {
  std::vector<Telemetry> engines(kEngines);
  for (Telemetry& engine : engines) {
    engine = {.running = 8, .context_tokens = 4000, .longest_context = 500};
  }
  engines[3] = {};
  EXPECT_EQ(ask(Policy::kLeastTtft, engines, {.prompt_tokens = 100}).engine, 3);
  EXPECT_GT(expected_first_token({}, engines[0], 100, 0.0),
            1.5 * expected_first_token({}, engines[3], 100, 0.0));
  EXPECT_GT(expected_gap({}, engines[0], 0), expected_gap({}, engines[3], 0));
}

TEST(Router, StreamsArePackedUpToTheGoalAndStayWhereTheyAreAmongEquals) {
  std::vector<Telemetry> engines(3);
  engines[0] = {.running = 2, .context_tokens = 900, .longest_context = 500};
  engines[1] = {.running = 7, .context_tokens = 3000, .longest_context = 500};
  RouterOptions options{.policy = Policy::kDynamic, .hand_over_tokens = 200, .tpot_s = 0.1};
  EXPECT_TRUE(ask(Policy::kDynamic, engines, {.prompt_tokens = 200}, options).hand_over);
  EXPECT_FALSE(ask(Policy::kDynamic, engines, {.prompt_tokens = 199}, options).hand_over);
  EXPECT_EQ(ask(Policy::kDynamic, engines, {.prompt_tokens = 200}, options).engine, 2);
  EXPECT_EQ(decoder_of({}, options, engines, 2, 0), 1);
  options.tpot_s = 0.055;  // 0.044 with a margin: seven streams are too many, two are not
  EXPECT_EQ(decoder_of({}, options, engines, 2, 0), 0);
  options.tpot_s = 0.01;  // nowhere: the emptiest
  EXPECT_EQ(decoder_of({}, options, engines, 1, 0), 2);
  const std::vector<Telemetry> equal(3);
  options.tpot_s = 0.1;
  EXPECT_EQ(decoder_of({}, options, equal, 1, 0), 1);
  EXPECT_EQ(decoder_of({.max_running = 7}, options, engines, 2, 0), 0);
}

TEST(Router, WhoDrainsGetsNothingWhateverThePolicy) {
  Rng rng(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Telemetry> engines(1 + rng.below(6));
    std::vector<int> cached;
    bool open = false;
    for (Telemetry& engine : engines) {
      engine = {.draining = rng.below(3) == 0,
                .waiting = static_cast<int>(rng.below(3)),
                .queued_tokens = static_cast<double>(rng.below(1000)),
                .running = static_cast<int>(rng.below(40)),
                .context_tokens = static_cast<double>(rng.below(9000)),
                .longest_context = static_cast<int>(rng.below(3000)),
                .step_ends_s = rng.uniform()};
      open |= !engine.draining;
      cached.push_back(static_cast<int>(rng.below(300)));
    }
    for (const Policy policy : kPolicies) {
      if (engines.size() == 1 && (policy == Policy::kFixedSplit || policy == Policy::kByLength)) {
        continue;
      }
      const Question question{.prompt_tokens = 1 + static_cast<int>(rng.below(2000)),
                              .cached = cached,
                              .turns = {rng.next(), rng.next()}};
      const Route chosen = ask(policy, engines, question);
      ASSERT_EQ(chosen.engine >= 0, open) << name_of(policy);
      if (!open) continue;
      ASSERT_FALSE(engines[static_cast<std::size_t>(chosen.engine)].draining);
      ASSERT_GT(chosen.first_token_s, 0.0);
      RouterOptions options;
      options.policy = policy;
      const int decoder = decoder_of({}, options, engines, chosen.engine, rng.next());
      ASSERT_TRUE(decoder == chosen.engine || !engines[static_cast<std::size_t>(decoder)].draining);
    }
  }
}

TEST(Router, PoolsWithoutEnginesAreErrors) {
  RouterOptions options{.policy = Policy::kFixedSplit, .prompt_engines = 4};
  EXPECT_THROW(check_router(options, 4), Error);
  options = {.policy = Policy::kByLength, .long_engines = 1};
  EXPECT_THROW(check_router(options, 1), Error);
  EXPECT_NO_THROW(check_router(options, 2));
  EXPECT_THROW(check_router({.ttft_s = 0.0}, 2), Error);
  EXPECT_THROW(check_router({.transfer_s = -1.0}, 2), Error);
  EXPECT_THROW(check_router({}, 0), Error);
}

}  // namespace
}  // namespace aisp::serve
