// The judgement on synthetic streams of known ratio, noise and contention.
#include "bench/pairing.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"

namespace aisp::bench {
namespace {

struct Stream {
  std::vector<Sample> baseline, technique;
};

// Pairs around 100 us with 1 % noise; a share of the epochs loses a scheduler slice of 3 ms on the
// wall clock only. Slow common drift of 20 % over the run, as a boosting CPU shows.
Stream stream(double ratio, std::size_t rounds, double preempted, std::uint64_t seed) {
  Rng rng(seed);
  Stream result;
  for (std::size_t i = 0; i < rounds; ++i) {
    const double drift = 1.0 + 0.2 * static_cast<double>(i) / static_cast<double>(rounds);
    const auto sample = [&](double mean) {
      const double cpu = mean * drift * std::exp(0.01 * rng.normal());
      return Sample{cpu + (rng.uniform() < preempted ? 3e6 * rng.uniform() : 0.0), cpu};
    };
    result.baseline.push_back(sample(100e3));
    result.technique.push_back(sample(100e3 * ratio));
  }
  return result;
}

TEST(Pairing, VerdictsAtTheMarginsEdges) {
  EXPECT_EQ(verdict_of({0.9, 0.85, 0.98}, 0.01), Verdict::kFaster);
  EXPECT_EQ(verdict_of({0.9, 0.85, 0.995}, 0.01), Verdict::kInconclusive);
  EXPECT_EQ(verdict_of({1.0, 0.995, 1.005}, 0.01), Verdict::kEquivalent);
  EXPECT_EQ(verdict_of({1.02, 1.011, 1.03}, 0.01), Verdict::kSlower);
  EXPECT_EQ(verdict_of({1.0, 0.0, INFINITY}, 0.01), Verdict::kInconclusive);
}

TEST(Pairing, FindsThreePercentAndKeepsQuietOnNone) {
  int found = 0, alarms = 0, covered = 0;
  constexpr int kTrials = 200;
  for (std::uint64_t t = 0; t < kTrials; ++t) {
    const Stream three = stream(1.03, 300, 0.05, 10 + t);
    const PairResult result = judge_pairs(three.baseline, three.technique, {});
    found += result.verdict == Verdict::kSlower;
    covered += result.ratio.contains(1.03);
    const Stream none = stream(1.0, 300, 0.05, 900 + t);
    const auto verdict = judge_pairs(none.baseline, none.technique, {}).verdict;
    alarms += verdict == Verdict::kFaster || verdict == Verdict::kSlower;
  }
  EXPECT_GE(found, kTrials * 99 / 100);
  EXPECT_EQ(alarms, 0);
  EXPECT_GE(covered, kTrials * 95 / 100);
}

// A quiet machine and a clock that steps by 10 ns: the readings hardly vary, and without an
// allowance for the step the interval is a millionth wide and misses the truth.
TEST(Pairing, AClockThatStepsDoesNotFakePrecision) {
  Rng rng(7);
  int covered = 0, covered_without = 0;
  constexpr int kTrials = 200;
  constexpr std::uint64_t kIterations = 34;
  for (int t = 0; t < kTrials; ++t) {
    const double base_ns = 100e3 + 10.0 * rng.uniform();
    const double ratio = 1.0 + 0.03 * rng.uniform();
    Stream steps;
    for (int i = 0; i < 40; ++i) {
      const auto read = [&](double duration) {
        const double begin = 10.0 * rng.uniform();
        const double shown = 10.0 * (std::floor((begin + duration) / 10.0));
        return Sample{shown / kIterations, shown / kIterations};
      };
      steps.baseline.push_back(read(base_ns));
      steps.technique.push_back(read(base_ns * ratio));
    }
    PairRules rules;
    covered_without += judge_pairs(steps.baseline, steps.technique, rules).ratio.contains(ratio);
    rules.baseline_iterations = rules.technique_iterations = kIterations;
    const Interval interval = judge_pairs(steps.baseline, steps.technique, rules).ratio;
    covered += interval.contains(ratio);
    EXPECT_LT(interval.high / interval.low, 1.0005);
  }
  EXPECT_GE(covered, kTrials * 95 / 100);
  EXPECT_LT(covered_without, kTrials * 95 / 100);
}

TEST(Pairing, FallsBackToTheCpuClockUnderContentionAndSaysSo) {
  const Stream busy = stream(1.03, 120, 0.7, 5);
  const PairResult result = judge_pairs(busy.baseline, busy.technique, {});
  EXPECT_EQ(result.clock, Clock::kCpu);
  EXPECT_TRUE(result.contended);
  EXPECT_EQ(result.verdict, Verdict::kSlower);
  PairRules threaded;
  threaded.cpu_clock_eligible = false;
  EXPECT_EQ(judge_pairs(busy.baseline, busy.technique, threaded).clock, Clock::kWall);
  const Stream quiet = stream(1.03, 120, 0.01, 5);
  EXPECT_EQ(judge_pairs(quiet.baseline, quiet.technique, {}).clock, Clock::kWall);
  EXPECT_FALSE(judge_pairs(quiet.baseline, quiet.technique, {}).contended);
}

TEST(Pairing, ProcessesCombineToTheHull) {
  PairResult a, b;
  a.ratio = {0.80, 0.79, 0.81};
  b.ratio = {0.90, 0.88, 0.999};
  a.rounds = b.rounds = 10;
  const PairResult both[] = {a, b};
  const PairResult hull = combine_processes(both, 0.01);
  EXPECT_EQ(hull.ratio.low, 0.79);
  EXPECT_EQ(hull.ratio.high, 0.999);
  EXPECT_EQ(hull.verdict, Verdict::kInconclusive);
  EXPECT_EQ(hull.rounds, 20u);
}

TEST(Pairing, InconclusiveSaysHowManyRoundsItWouldNeed) {
  const Stream few = stream(1.015, 20, 0.0, 3);
  const PairResult result = judge_pairs(few.baseline, few.technique, {});
  ASSERT_EQ(result.verdict, Verdict::kInconclusive);
  EXPECT_GT(result.rounds_needed, 20u);
}

}  // namespace
}  // namespace aisp::bench
