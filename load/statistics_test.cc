// Coverage of the intervals: of independent values, of waiting times in a queue (where intervals
// that take them as independent must fail), and what short samples cannot say.
#include "load/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace aisp::load {
namespace {

std::vector<Seen> independent(std::uint64_t seed, int count) {
  Rng rng(seed);
  std::vector<Seen> seen;
  double at_s = 0.0;
  for (int i = 0; i < count; ++i) {
    at_s -= std::log(1.0 - rng.uniform());
    seen.push_back({at_s, -std::log(1.0 - rng.uniform())});
  }
  return seen;
}

// Time in a system of one server with exponential services: exponential of mean 1 / (1 - load).
std::vector<Seen> queue(std::uint64_t seed, int count, double load) {
  Rng rng(seed);
  std::vector<Seen> seen;
  double at_s = 0.0, free_s = 0.0;
  for (int i = -1000; i < count; ++i) {
    at_s -= std::log(1.0 - rng.uniform()) / load;
    free_s = std::max(free_s, at_s) - std::log(1.0 - rng.uniform());
    if (i >= 0) seen.push_back({at_s, free_s - at_s});
  }
  return seen;
}

struct Coverage {
  double mine = 0.0, naive = 0.0;  // shares of runs whose interval holds the truth
};

template <typename Make>
Coverage coverage(const Make& make, double mean, double q, int runs) {
  const double truth = -std::log(1.0 - q) * mean;
  Coverage result;
  for (int run = 0; run < runs; ++run) {
    const std::vector<Seen> seen = make(static_cast<std::uint64_t>(run) + 1);
    const Interval interval = quantile_interval(seen, q, 0.95);
    result.mine += interval.contains(truth) / static_cast<double>(runs);
    // The same without time: all at one instant, one span, no variance between spans seen.
    std::vector<Seen> mixed = seen;
    Rng rng(static_cast<std::uint64_t>(run) + 77);
    for (Seen& one : mixed) one.at_s = rng.uniform();
    result.naive += quantile_interval(mixed, q, 0.95).contains(truth) / static_cast<double>(runs);
  }
  return result;
}

TEST(Statistics, IndependentValuesAreCovered) {
  for (const double q : {0.5, 0.9}) {
    const auto make = [](std::uint64_t seed) { return independent(seed, 400); };
    const Coverage got = coverage(make, 1.0, q, 200);
    // 95 % or more: at 200 runs five standard errors are 7.7 %.
    EXPECT_GE(got.mine, 0.93) << q;
    EXPECT_GE(got.naive, 0.93) << q;
  }
}

TEST(Statistics, AQueueIsCoveredAndTakenAsIndependentItIsNot) {
  const auto make = [](std::uint64_t seed) { return queue(seed, 4000, 0.8); };
  const Coverage got = coverage(make, 5.0, 0.5, 150);
  EXPECT_GE(got.mine, 0.88);
  EXPECT_LE(got.naive, 0.70) << "else this test shows nothing";
}

TEST(Statistics, SharesOfClusteredTrialsAreWider) {
  std::vector<double> at_s;
  std::vector<char> even, clustered;
  for (int i = 0; i < 1000; ++i) {
    at_s.push_back(i);
    even.push_back(i % 2 == 0);
    clustered.push_back((i / 50) % 2 == 0);
  }
  const Interval narrow = share_interval(at_s, even, 0.95);
  const Interval wide = share_interval(at_s, clustered, 0.95);
  EXPECT_NEAR(narrow.estimate, 0.5, 1e-12);
  EXPECT_LT(narrow.width(), 0.08);
  EXPECT_GT(wide.width(), 0.3);
  EXPECT_EQ(share_interval({}, {}, 0.95).high, 1.0);
  const std::vector<char> all(1000, 1);
  EXPECT_GT(share_interval(at_s, all, 0.95).low, 0.99);
}

TEST(Statistics, ShortSamplesLeaveEndsOpen) {
  const std::vector<Seen> seen = independent(5, 100);
  const Percentiles percentiles = percentiles_of(seen, 0.95);
  EXPECT_TRUE(std::isinf(percentiles.p99.high)) << "100 values have no upper bound of p99";
  EXPECT_TRUE(std::isfinite(percentiles.p99.low));
  EXPECT_TRUE(std::isfinite(percentiles.p50.high));
  EXPECT_LE(percentiles.p99.low, percentiles.p99.estimate);
  const Interval few = quantile_interval(independent(5, 9), 0.5, 0.95);
  EXPECT_TRUE(std::isinf(few.low) && std::isinf(few.high));
  EXPECT_EQ(percentiles_of({}, 0.95).count, 0);
}

TEST(Statistics, AGrowingQueueIsNotSteady) {
  int false_alarms = 0, seen = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    false_alarms += !is_steady(independent(seed, 300), 0.95);
    seen += !is_steady(queue(seed, 600, 1.6), 0.95);
  }
  EXPECT_GE(seen, 95);
  EXPECT_LE(false_alarms, 5);
}

}  // namespace
}  // namespace aisp::load
