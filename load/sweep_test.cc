// The search for the highest rate, against servers whose capacity is known.
#include "load/sweep.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/rng.h"
#include "load/record.h"
#include "load/sim_target.h"
#include "load/summary.h"

namespace aisp::load {
namespace {

// A server whose requests are good with a probability that falls from 1 to 0 around a capacity.
void measure(Sweep& sweep, double capacity, double width, std::uint64_t seed) {
  Rng rng(seed);
  const double share = std::clamp((capacity - *sweep.next()) / width + 0.9, 0.0, 1.0);
  std::vector<double> at_s;
  std::vector<char> good;
  for (int i = 0; i < 400; ++i) {
    at_s.push_back(i);
    good.push_back(rng.uniform() < share);
  }
  sweep.add(at_s, good);
}

TEST(Sweep, BracketsAKnownCapacity) {
  int wrong = 0, narrow = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Sweep sweep({.first_rate = 1.0});
    for (std::uint64_t step = 0; sweep.next(); ++step) measure(sweep, 7.3, 2.0, seed * 100 + step);
    if (sweep.met() && *sweep.met() > 7.3) ++wrong;
    if (sweep.missed() && *sweep.missed() < 7.3) ++wrong;
    narrow += sweep.met() && sweep.not_met() && *sweep.not_met() / *sweep.met() <= 1.1;
  }
  EXPECT_LE(wrong, 5);
  EXPECT_GE(narrow, 90);
}

TEST(Sweep, GoesDownWhenTheFirstRateIsTooHigh) {
  Sweep sweep({.first_rate = 100.0});
  for (std::uint64_t step = 0; sweep.next(); ++step) measure(sweep, 3.0, 0.01, step);
  ASSERT_TRUE(sweep.met() && sweep.missed());
  EXPECT_LE(*sweep.met(), 3.0);
  EXPECT_GE(*sweep.missed(), 3.0);
  EXPECT_LE(*sweep.missed() / *sweep.met(), 1.1);
  EXPECT_LE(sweep.steps().size(), 16u);
}

TEST(Sweep, EndsWhenNothingEverMeets) {
  Sweep sweep({.first_rate = 1.0});
  for (std::uint64_t step = 0; sweep.next(); ++step) measure(sweep, -1e9, 1.0, step);
  EXPECT_FALSE(sweep.met());
  EXPECT_EQ(sweep.steps().size(), 16u);
}

// Lower rates have fewer requests in the same time: the search says so instead of halving forever.
TEST(Sweep, EndsWhereARateHasTooFewRequestsToShowAnything) {
  Sweep sweep({.first_rate = 4.0});
  for (int step = 0; sweep.next(); ++step) {
    const int count = static_cast<int>(10.0 * *sweep.next());
    std::vector<double> at_s;
    for (int i = 0; i < count; ++i) at_s.push_back(i);
    sweep.add(at_s, std::vector<char>(at_s.size(), step == 0 ? 0 : 1));
  }
  EXPECT_FALSE(sweep.met());
  EXPECT_EQ(sweep.steps().size(), 2u);  // 40 bad requests; then 20, three times, all good
  ASSERT_TRUE(sweep.too_few());
  EXPECT_EQ(*sweep.too_few(), 60u);
  EXPECT_GT(sweep.least_requests(), 60);
  EXPECT_LT(sweep.least_requests(), 200);
}

TEST(Slo, IsRead) {
  const Slo slo = parse_slo("ttft=0.5,itl=2");
  EXPECT_EQ(slo.ttft_s, 0.5);
  EXPECT_EQ(slo.itl_s, 2.0);
  EXPECT_TRUE(slo.given());
  EXPECT_FALSE(parse_slo("").given());
  for (const char* bad : {"x", "ttft", "ttft=", "ttft=0", "ttft=-1", "ttft=a", "p99=1", "ttft=nan",
                          "ttft=1,ttft=2", "ttft=1;tpot=2"}) {
    EXPECT_THROW(parse_slo(bad), UsageError) << bad;
  }
}

// Everything from arrivals to the record, with a server that refuses every fifth request, stalls
// once, and is otherwise the same for all.
TEST(Summary, SaysWhatWasPlanted) {
  SimTarget::Options server{.first_s = 0.1, .gap_s = 0.02, .refuse_s = 0.004};
  server.refuses = [](std::uint64_t number) { return number % 5 == 4; };
  server.stalls = {{30.0, 31.0}};
  SimTarget target(server);
  WorkloadOptions asked;
  asked.gaps = {Gaps::Kind::kConstant, 8.0};
  asked.answer.a = 11;
  Workload workload(asked);
  const DriveResult result = drive(target, workload, {.warmup_s = 10, .duration_s = 100});
  SummaryRules rules;
  rules.slo = parse_slo("ttft=0.2,tpot=0.05");
  const Summary summary = summarize(result, rules);
  EXPECT_EQ(summary.requests, 800);
  EXPECT_EQ(summary.outcomes[static_cast<std::size_t>(Outcome::kTooManyRequests)], 160);
  EXPECT_EQ(summary.answered(), 640);
  EXPECT_EQ(summary.with_retry_after, 160);
  EXPECT_NEAR(summary.refusal.p99.estimate, 0.004, 1e-9);
  EXPECT_NEAR(summary.ttft.p50.estimate, 0.1, 1e-9);
  EXPECT_NEAR(summary.tpot.p50.estimate, 0.02, 1e-9);
  EXPECT_NEAR(summary.ttft.worst, 1.1, 0.13);  // due just before the stall
  EXPECT_NEAR(summary.itl.worst, 1.02, 1e-6);
  EXPECT_EQ(summary.itl.count, 640 * 10);
  EXPECT_NEAR(summary.offered_per_s, 8.0, 1e-9);
  // Not good: the refused, and of the others those that the stall touched.
  int touched = 0;
  for (const Sample& sample : result.samples) {
    if (!sample.measured || !sample.answered()) continue;
    touched += sample.due_s < 31.0 && sample.due_s + 0.3 > 30.0 && !is_good(sample, rules.slo);
  }
  EXPECT_GE(touched, 6);
  EXPECT_NEAR(summary.good_share.estimate, (640.0 - touched) / 800, 1e-9);
  EXPECT_TRUE(summary.steady && summary.on_time);
  const auto json = to_json(summary, rules);
  EXPECT_EQ(json["outcomes"]["429"], 160);
  const auto series = series_of(result, rules);
  double worst_at = 0.0, worst = 0.0;
  for (const auto& span : series["spans"]) {
    if (span["ttft_p99"].get<double>() <= worst) continue;
    worst = span["ttft_p99"];
    worst_at = span["at_s"];
  }
  EXPECT_NEAR(worst_at, 30.0, 1.0) << "the stall stands in the series where it was";
}

TEST(Summary, AnOverloadIsNotSteadyAndALateGeneratorHasNoVerdict) {
  WorkloadOptions asked;
  asked.gaps = {Gaps::Kind::kGamma, 8.0};
  asked.answer.a = 10;
  SimTarget overloaded(SimTarget::Options{.lanes = 1, .first_s = 0.1, .gap_s = 0.01});
  Workload workload(asked);
  const DriveResult result = drive(overloaded, workload, {.duration_s = 60});
  const Summary summary = summarize(result, {});
  EXPECT_FALSE(summary.steady);
  EXPECT_TRUE(summary.on_time);
  SimTarget slow(SimTarget::Options{.send_costs_s = 0.2});
  Workload again(asked);
  EXPECT_FALSE(summarize(drive(slow, again, {.duration_s = 20}), {}).on_time);
}

}  // namespace
}  // namespace aisp::load
