// The fleet on made-up arrivals: nobody is lost or answered twice, answers do not depend on who
// gave them, and what follows from construction about caches and admission is found.
#include "serve/fleet.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "serve/adopt.h"
#include "serve/fleet_summary.h"
#include "serve/made_trace.h"
#include "serve/replay.h"
#include "serve/sim_executor.h"

namespace aisp::serve {
namespace {

FleetOptions small_fleet(Policy policy) {
  FleetOptions options;
  options.engines = 3;
  options.config = {.slots = 400, .max_running = 16, .max_rows = 256, .device_blocks = 600};
  options.router = {.policy = policy, .long_tokens = 300};
  options.admission = false;
  return options;
}

RequestTrace arrivals(double rate, double duration_s = 30.0) {
  return made_trace({.rate = rate, .duration_s = duration_s, .groups = 4, .prefix_tokens = 128});
}

std::uint64_t answer_alone(const RequestTrace& trace, std::size_t number) {
  Request request{.prompt = traced_prompt(trace, number, 1),
                  .max_tokens = std::max(1, trace.requests[number].output_tokens)};
  request.sampling.seed = number;
  std::uint64_t answer = 0;
  for (const Token token : SimExecutor({.vocabulary = kTraceVocabulary}).alone(request)) {
    answer = digest(answer, token);
  }
  return answer;
}

TEST(Fleet, EveryPolicyAnswersEverybodyAsIfAlone) {
  const RequestTrace trace = arrivals(3.0);
  for (const Policy policy : kPolicies) {
    FleetOptions options = small_fleet(policy);
    options.jitter = 0.2;
    const FleetResult result = run_fleet(trace, options);
    ASSERT_EQ(result.requests.size(), trace.requests.size());
    for (std::size_t i = 0; i < result.requests.size(); ++i) {
      const FleetRequest& request = result.requests[i];
      ASSERT_EQ(request.outcomes, 1);
      ASSERT_EQ(request.outcome, Outcome::kAnswered) << name_of(policy);
      ASSERT_EQ(request.answer, answer_alone(trace, i)) << name_of(policy) << ", request " << i;
      ASSERT_LE(request.arrival_s, request.first_token_s);
      ASSERT_LE(request.first_token_s, request.end_s);
    }
  }
}

TEST(Fleet, TheSameSeedIsTheSameRun) {
  const RequestTrace trace = arrivals(6.0);
  for (const Policy policy : kPolicies) {
    FleetOptions options = small_fleet(policy);
    options.jitter = 0.3;
    options.admission = true;
    options.telemetry_every_s = 0.5;
    const auto ends = [&] {
      std::vector<double> times;
      for (const FleetRequest& request : run_fleet(trace, options).requests) {
        times.push_back(request.end_s);
      }
      return times;
    };
    const std::vector<double> one = ends();
    EXPECT_EQ(one, ends()) << name_of(policy);
    options.seed = 2;
    EXPECT_NE(one, ends());
  }
}

TEST(Fleet, ASplitFleetComputesPromptsInOnePoolAndDecodesInTheOther) {
  const RequestTrace trace = arrivals(2.0);
  FleetOptions options = small_fleet(Policy::kFixedSplit);
  const FleetResult result = run_fleet(trace, options);
  std::int64_t handed_over = 0;
  for (const FleetRequest& request : result.requests) {
    EXPECT_EQ(request.engine, 0);
    if (request.output_tokens == 1) continue;
    ++handed_over;
    EXPECT_GT(request.decoder, 0);
    EXPECT_GT(request.end_s - request.first_token_s, options.router.transfer_s);
  }
  EXPECT_EQ(result.handed_over, handed_over);
  EXPECT_GT(handed_over, 40);
}

// Memory that holds few of them: blocks are evicted under the transfers, streams preempted.
TEST(Fleet, LittleMemoryLosesNobody) {
  const RequestTrace trace = arrivals(3.0);
  for (const Policy policy : {Policy::kFixedSplit, Policy::kDynamic, Policy::kLeastTtft}) {
    FleetOptions options = small_fleet(policy);
    options.router.hand_over_tokens = 1;
    options.config.device_blocks = 110;
    const FleetResult result = run_fleet(trace, options);
    for (std::size_t i = 0; i < result.requests.size(); ++i) {
      if (result.requests[i].outcome == Outcome::kTooLong) continue;
      ASSERT_EQ(result.requests[i].outcome, Outcome::kAnswered);
      ASSERT_EQ(result.requests[i].answer, answer_alone(trace, i)) << name_of(policy) << i;
    }
  }
}

TEST(Fleet, WhoDrainsFinishesOrGivesBack) {
  const RequestTrace trace = arrivals(8.0, 20.0);
  for (const Policy policy : kPolicies) {
    FleetOptions options = small_fleet(policy);
    options.drain_engine = 0;
    options.drain_at_s = 10.0;
    const FleetResult result = run_fleet(trace, options);
    for (std::size_t i = 0; i < result.requests.size(); ++i) {
      const FleetRequest& request = result.requests[i];
      ASSERT_EQ(request.outcome, Outcome::kAnswered) << name_of(policy);
      ASSERT_EQ(request.answer, answer_alone(trace, i));
      ASSERT_TRUE(request.arrival_s <= 10.0 || request.engine != 0) << name_of(policy);
    }
    EXPECT_TRUE(policy != Policy::kRoundRobin || result.given_back > 5);
  }
  FleetOptions alone = small_fleet(Policy::kRoundRobin);
  alone.engines = 1;
  alone.drain_engine = 0;
  alone.drain_at_s = 10.0;
  for (const FleetRequest& request : run_fleet(trace, alone).requests) {
    EXPECT_EQ(request.outcomes, 1);
    EXPECT_TRUE(request.arrival_s <= 10.0 || request.outcome == Outcome::kRefused);
  }
}

// 5 prefixes in turn on 4 engines in turn, each request alone: every engine meets every prefix, and
// computes it once. Who looks where it is cached computes it once in all.
TEST(Fleet, APrefixIsComputedOnceInsteadOfOnceInEachEngine) {
  constexpr int kPrefixes = 5, kEngines = 4, kCount = 200, kPrefix = 160, kOwn = 40;
  RequestTrace trace;
  trace.hash_tokens = kPrefix;
  for (int i = 0; i < kCount; ++i) {
    trace.requests.push_back({5.0 * i, kPrefix + kOwn, 3, {i % kPrefixes}});
  }
  const auto cached = [&](Policy policy) {
    FleetOptions options = small_fleet(policy);
    options.engines = kEngines;
    options.config.device_blocks = 4000;
    std::int64_t tokens = 0;
    for (const FleetRequest& r : run_fleet(trace, options).requests) tokens += r.cached_tokens;
    return tokens;
  };
  EXPECT_EQ(cached(Policy::kRoundRobin), kPrefix * (kCount - kPrefixes * kEngines));
  EXPECT_EQ(cached(Policy::kLeastTtft), kPrefix * (kCount - kPrefixes));
  EXPECT_EQ(cached(Policy::kDynamic), kPrefix * (kCount - kPrefixes));
}

TEST(Fleet, AdmissionKeepsGoodputWhereAQueueLosesIt) {
  const FleetGoals goals;
  const RequestTrace trace = arrivals(20.0, 60.0);
  FleetOptions options = small_fleet(Policy::kLeastQueued);
  options.config.slots = 4000;
  const FleetSummary queues = summarize(run_fleet(trace, options), goals);
  options.admission = true;
  options.hindsight = 50;
  const FleetResult result = run_fleet(trace, options);
  const FleetSummary refuses = summarize(result, goals);
  EXPECT_EQ(queues.answered, queues.requests);
  EXPECT_EQ(refuses.answered + refuses.refused + refuses.late, refuses.requests);
  EXPECT_GT(refuses.good, 3 * queues.good);
  EXPECT_LT(refuses.ttft.p99, 1.2 * goals.ttft_s);
  EXPECT_GT(queues.ttft.p99, 10 * goals.ttft_s);
  EXPECT_GT(result.judged, 5);
  EXPECT_LE(result.wrongly_refused, result.judged);
  // A look into the future changes nothing of what happens.
  options.hindsight = 0;
  EXPECT_EQ(run_fleet(trace, options).virtual_s, result.virtual_s);
}

TEST(Fleet, HostileNumbersAreRefusedNotComputed) {
  const char* lines =
      "{\"timestamp\": 0, \"input_length\": 16777216, \"output_length\": 16777216}\n"
      "{\"timestamp\": 0, \"input_length\": 0, \"output_length\": 1, \"hash_ids\": []}\n"
      "{\"timestamp\": 0, \"input_length\": 700, \"output_length\": 2,"
      " \"hash_ids\": [-9223372036854775808, 9223372036854775807]}\n";
  const RequestTrace trace = parse_request_trace(lines, "hostile");
  for (const Policy policy : kPolicies) {
    const FleetResult result = run_fleet(trace, small_fleet(policy));
    EXPECT_EQ(result.requests[0].outcome, Outcome::kTooLong);
    EXPECT_EQ(result.requests[1].outcome, Outcome::kAnswered);
    EXPECT_EQ(result.requests[2].outcome, Outcome::kAnswered);
  }
}

TEST(Fleet, OptionsThatContradictEachOtherAreErrors) {
  const RequestTrace trace = arrivals(1.0);
  const auto with = [&](auto&& change) {
    FleetOptions options = small_fleet(Policy::kRoundRobin);
    change(options);
    return options;
  };
  for (const FleetOptions& options :
       {with([](auto& o) { o.engines = 0; }), with([](auto& o) { o.engines = 5000; }),
        with([](auto& o) { o.config.host_blocks = 9; }),
        with([](auto& o) { o.config.max_drafts = 1; }), with([](auto& o) { o.speed = 0.0; }),
        with([](auto& o) { o.jitter = -1.0; }), with([](auto& o) { o.drain_engine = 3; })}) {
    EXPECT_THROW(run_fleet(trace, options), Error);
  }
  EXPECT_THROW(made_trace({.rate = 1e6, .duration_s = 1e6}), Error);
  EXPECT_THROW(made_trace({.prefix_tokens = 17}), Error);
  EXPECT_THROW(made_trace({.answer_mean = 0.0}), Error);
  EXPECT_THROW(made_trace({.rate = 1e-6, .duration_s = 1.0}), Error);
}

TEST(Adopt, BlocksAreFoundLikeAnyPrefixAndNeverTakenFromWhoRuns) {
  State state({.slots = 4, .max_running = 4, .max_rows = 128, .device_blocks = 8});
  std::vector<Token> tokens(16 * 6);
  std::iota(tokens.begin(), tokens.end(), 0);
  EXPECT_EQ(adopt_prefix(state, 0, std::span(tokens).first(40)).size(), 2u);  // full ones
  EXPECT_EQ(adopt_prefix(state, 0, tokens).size(), 4u);                       // the rest
  EXPECT_TRUE(adopt_prefix(state, 0, tokens).empty());
  EXPECT_EQ(state.index.match(0, tokens).blocks, 6);
  check_integrity(state);
  // A running request holds five blocks: three are left, whatever they had.
  submit(state, {.id = 1, .prompt = std::vector<Token>(70, 5), .max_tokens = 2}, 0.0);
  Result answers;
  answers.clear();
  const Plan& plan = step(state, 0.0);
  for (const Work& work : plan.work) {
    if (work.emits) answers.tokens.push_back(1);
    answers.close();
  }
  complete(state, answers);
  ASSERT_EQ(state.running.size(), 1u);
  for (Token& token : tokens) token += 1000;
  EXPECT_EQ(adopt_prefix(state, 0, tokens).size(), 3u);
  check_integrity(state);
}

TEST(MadeTrace, RatesAndPrefixesAreAsStated) {
  const RequestTrace trace = made_trace({.rate = 20.0,
                                         .duration_s = 100.0,
                                         .groups = 4,
                                         .prefix_tokens = 64,
                                         .prompt_mean = 100.0,
                                         .prompt_deviation = 50.0,
                                         .step_at_s = 40.0,
                                         .step_factor = 4.0,
                                         .step_for_s = 20.0});
  double within = 0, prompt = 0;
  for (const TracedRequest& request : trace.requests) {
    within += request.arrival_s >= 40.0 && request.arrival_s < 60.0;
    prompt += request.prompt_tokens - 64;
    ASSERT_EQ(request.prefix.size(), 4u);
    ASSERT_LT(request.prefix[3], 16);
  }
  const auto count = static_cast<double>(trace.requests.size());
  EXPECT_NEAR(within, 1600, 5 * 40);  // Poisson: five deviations
  EXPECT_NEAR(count - within, 1600, 5 * 40);
  EXPECT_NEAR(prompt / count, 100.0, 5 * 50.0 / std::sqrt(count) + 0.5);
}

TEST(FleetSummary, CountsAndSettlesByHand) {
  FleetResult result;
  result.virtual_s = 40.0;
  result.busy_s = {10.0, 30.0};
  for (int i = 0; i < 40; ++i) {
    FleetRequest request{.arrival_s = static_cast<double>(i)};
    request.outcome = i == 39 ? Outcome::kRefused : Outcome::kAnswered;
    request.first_token_s = i + (i >= 20 && i < 27 ? 3.0 : 1.0);
    request.output_tokens = 11;
    request.end_s = request.first_token_s + (i >= 20 && i < 22 ? 2.0 : 0.5);
    request.prompt_tokens = 10;
    request.cached_tokens = 4;
    result.requests.push_back(request);
  }
  const FleetGoals goals{.ttft_s = 2.0, .tpot_s = 0.1, .change_s = 20.0, .window_s = 5.0};
  FleetSummary summary = summarize(result, goals);
  EXPECT_EQ(summary.good, 32);
  EXPECT_EQ(summary.wrongly_taken, 7);
  EXPECT_DOUBLE_EQ(summary.goodput_per_s, 32.0 / 39.0);
  EXPECT_DOUBLE_EQ(summary.hit_share, 0.4);
  EXPECT_DOUBLE_EQ(summary.busy_share, 0.5);
  EXPECT_DOUBLE_EQ(summary.balance, 1.5);
  EXPECT_FALSE(summary.ttft_settles_s);  // the refusal is in the last window
  EXPECT_EQ(summary.tpot_settles_s, 5.0);
  result.requests.back().outcome = Outcome::kAnswered;
  EXPECT_EQ(summarize(result, goals).ttft_settles_s, 10.0);
}

}  // namespace
}  // namespace aisp::serve
