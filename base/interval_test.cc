// The exact intervals on textbook values, and the anytime-valid one under peeking.
#include "base/interval.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"

namespace aisp {
namespace {

TEST(ClopperPearson, KnownValues) {
  // Textbook values: 0 of 10 -> [0, 0.3085]; 5 of 10 -> [0.1871, 0.8129].
  const auto none = clopper_pearson(0, 10);
  EXPECT_EQ(none.low, 0.0);
  EXPECT_NEAR(none.high, 0.30850, 1e-4);
  const auto half = clopper_pearson(5, 10);
  EXPECT_NEAR(half.low, 0.18709, 1e-4);
  EXPECT_NEAR(half.high, 0.81291, 1e-4);
  EXPECT_EQ(clopper_pearson(0, 0).high, 1.0);
}

TEST(MedianInterval, KnownOrderStatistics) {
  // n = 20 at 95 %: the 6th and 15th order statistics (exact coverage 95.86 %).
  std::vector<double> samples;
  for (int i = 1; i <= 20; ++i) samples.push_back(i);
  const auto interval = median_interval(samples);
  EXPECT_EQ(interval.low, 6.0);
  EXPECT_EQ(interval.high, 15.0);
  EXPECT_EQ(interval.estimate, 10.5);
}

// Looks after every sample and stops at the first interval that excludes the true median: this may
// happen in at most 5 % of runs, however long they are. A fixed-size interval fails this badly.
TEST(AnytimeMedianInterval, PeekingKeepsTheLevel) {
  int anytime_misses = 0, fixed_misses = 0;
  constexpr int kRuns = 400;
  for (int run = 0; run < kRuns; ++run) {
    Rng rng(derive_seed(7, static_cast<std::uint64_t>(run)));
    std::vector<double> samples;
    bool anytime_missed = false, fixed_missed = false;
    for (int n = 1; n <= 400; ++n) {
      // Skewed and contaminated, median zero.
      double x = rng.normal();
      if (rng.uniform() < 0.1) x *= 50.0;
      samples.push_back(x > 0 ? x * x * x : x);
      if (n % 4 != 0) continue;
      if (n >= 12) {
        anytime_missed = anytime_missed || !anytime_median_interval(samples).contains(0.0);
        fixed_missed = fixed_missed || !median_interval(samples).contains(0.0);
      }
    }
    anytime_misses += anytime_missed;
    fixed_misses += fixed_missed;
  }
  EXPECT_LE(anytime_misses, kRuns * 6 / 100);
  EXPECT_GT(fixed_misses, kRuns * 15 / 100);
}

TEST(AnytimeMedianInterval, TooFewSamplesExcludeNothing) {
  const std::vector<double> samples = {1, 2, 3, 4, 5};
  EXPECT_TRUE(anytime_median_interval(samples).contains(1e300));
}

}  // namespace
}  // namespace aisp
