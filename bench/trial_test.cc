// The loop on contenders of known duration. They spin on the wall clock, so the expected ratio
// holds on a busy machine too.
#include "bench/trial.h"

#include <gtest/gtest.h>

#include "bench/clock.h"

namespace aisp::bench {
namespace {

Contender spinner(const char* name, double microseconds) {
  return {name, [microseconds](std::uint64_t n) {
            for (std::uint64_t i = 0; i < n; ++i) {
              const std::uint64_t begin = ticks();
              while (static_cast<double>(ticks() - begin) * ns_per_tick() < microseconds * 1e3) {
              }
            }
          }};
}

TEST(Trial, RecoversAKnownRatio) {
  const std::vector<Contender> pair = {spinner("five", 5.0), spinner("six", 6.0)};
  const TrialRecord record = run_trial(pair, {});
  const PairResult& result = record.contenders[1].result;
  EXPECT_EQ(result.verdict, Verdict::kSlower);
  EXPECT_NEAR(result.ratio.estimate, 1.2, 0.04);
  EXPECT_EQ(record.contenders[0].iterations, record.contenders[1].iterations);  // close: shared
}

TEST(Trial, TimesWhatIsInsideTheClockOnly) {
  Contender with_setup = spinner("twenty", 20.0);
  const auto before = spinner("setup", 300.0).run;
  with_setup.before_each = [&] { before(1); };
  std::vector<double> samples;
  for (int i = 0; i < 9; ++i) samples.push_back(time_epoch(with_setup, 5).wall_ns);
  EXPECT_NEAR(median(samples), 20e3, 2e3);
}

TEST(Trial, CalibrationFillsTheEpoch) {
  double estimate = 0.0;
  const std::uint64_t n = calibrate(spinner("ten", 10.0), 100e3, &estimate);
  EXPECT_NEAR(estimate, 10e3, 2e3);
  EXPECT_GE(n, 7u);
  EXPECT_LE(n, 12u);
  EXPECT_EQ(calibrate(spinner("long", 400.0), 100e3, &estimate), 1u);
}

TEST(Trial, ACompanionRunsInEveryRoundAndKeepsNobodyWaiting) {
  std::vector<Contender> three = {spinner("a", 5.0), spinner("b", 6.0), spinner("c", 5.0)};
  three[2].companion = true;
  TrialOptions options;
  options.max_rounds = 1000;
  const TrialRecord record = run_trial(three, options);
  EXPECT_EQ(record.contenders[1].result.verdict, Verdict::kSlower);
  EXPECT_LT(record.rounds, 1000u) << "the equal companion is never decided, and not waited for";
  EXPECT_EQ(record.contenders[2].samples.size(), record.rounds);
}

TEST(Trial, HooksSeeEveryEpochAndMayThrowOut) {
  const std::vector<Contender> three = {spinner("a", 2.0), spinner("b", 2.0), spinner("c", 2.0)};
  std::size_t before = 0, after = 0;
  EpochHooks hooks;
  hooks.before = [&](std::size_t, std::size_t) { ++before; };
  hooks.after = [&](std::size_t index, std::size_t round) {
    ++after;
    return !(index == 2 && round == 5);
  };
  const TrialRecord record = run_trial(three, {}, hooks);
  EXPECT_EQ(before, after);
  EXPECT_TRUE(record.contenders[2].thrown_out);
  EXPECT_FALSE(record.contenders[1].thrown_out);
  EXPECT_EQ(record.contenders[2].samples.size(), 5u);
  EXPECT_GT(record.contenders[1].samples.size(), 5u);
}

TEST(Trial, StopsWithinItsBudget) {
  // 1.5 % apart at a 1 % margin with 3 % of noise would take long: the budget ends it.
  Rng rng(3);
  Contender noisy{"noisy", [&](std::uint64_t n) {
                    for (std::uint64_t i = 0; i < n; ++i)
                      spinner("", 200.0 * (1.0 + rng.uniform())).run(1);
                  }};
  const std::vector<Contender> pair = {noisy, noisy};
  TrialOptions options;
  options.budget_s = 0.3;
  options.rules.margin = 1e-4;
  const TrialRecord record = run_trial(pair, options);
  EXPECT_LT(record.seconds, 3.0);
  EXPECT_EQ(record.contenders[1].result.verdict, Verdict::kInconclusive);
}

TEST(Clock, ClocksAgreeWithEachOther) {
  const ClockMark begin = mark_clocks();
  spinner("", 30000.0).run(1);
  EXPECT_EQ(clocks_disagree(begin, mark_clocks()), "");
  ClockMark shifted = mark_clocks();
  shifted.library_wall_ns -= 20000000;
  EXPECT_NE(clocks_disagree(begin, shifted), "");
}

}  // namespace
}  // namespace aisp::bench
