// Comparisons of simulated servers whose difference is known, and what servers say of themselves.
#include "load/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"
#include "load/metrics_text.h"
#include "load/sim_target.h"

namespace aisp::load {
namespace {

// A pair of blocks each: A takes 100 ms to a first token, B `first_s`, both with noise of 10 %.
std::vector<ComparedRow> compared(double first_s, int pairs, std::uint64_t seed) {
  std::vector<Summary> sides[2];
  for (int pair = 0; pair < pairs; ++pair) {
    for (int side = 0; side < 2; ++side) {
      SimTarget::Options server;
      Rng noise(derive_seed(seed, static_cast<std::uint64_t>(2 * pair + side)));
      const double factor = 1.0 + 0.1 * (noise.uniform() - 0.5);
      server.first_s = (side == 0 ? 0.1 : first_s) * factor;
      SimTarget target(server);
      WorkloadOptions asked;
      asked.gaps.rate = 10.0;
      asked.answer.a = 5;
      asked.seed = seed + static_cast<std::uint64_t>(pair);
      Workload workload(asked);
      sides[side].push_back(summarize(drive(target, workload, {.duration_s = 10}), {}));
    }
  }
  return compare(sides[0], sides[1], 0.05, 0.95);
}

TEST(Compare, FindsADifferenceAndNone) {
  const auto better = compared(0.08, 12, 1);
  EXPECT_EQ(better[0].name, "TTFT p50");
  EXPECT_EQ(better[0].verdict, bench::Verdict::kFaster);
  EXPECT_TRUE(better[0].ratio.contains(0.8)) << better[0].ratio.low << " " << better[0].ratio.high;
  EXPECT_EQ(better[0].pairs, 12);
  EXPECT_EQ(compared(0.13, 12, 2)[0].verdict, bench::Verdict::kSlower);
  const auto same = compared(0.1, 40, 3);
  EXPECT_EQ(same[0].verdict, bench::Verdict::kEquivalent);
  EXPECT_EQ(same[2].verdict, bench::Verdict::kEquivalent);
  EXPECT_EQ(compared(0.08, 6, 4)[0].verdict, bench::Verdict::kInconclusive);
}

TEST(Compare, ASideWithoutAnswersHasNoRatio) {
  std::vector<Summary> none(12);
  for (const ComparedRow& row : compare(none, none, 0.05, 0.95)) {
    EXPECT_EQ(row.pairs, 0);
    EXPECT_EQ(row.verdict, bench::Verdict::kInconclusive);
  }
}

TEST(Compare, ASideThatCollapsesLosesThePair) {
  std::vector<Summary> well(12), collapsed(12);
  for (Summary& one : well) {
    one.ttft.p50.estimate = 0.1;
    one.good_per_s = 2.0;
  }
  for (Summary& one : collapsed) {
    one.ttft.p50.estimate = std::numeric_limits<double>::quiet_NaN();
  }
  for (const ComparedRow& row : compare(well, collapsed, 0.05, 0.95)) {
    if (row.name != "TTFT p50" && row.name != "goodput") continue;
    EXPECT_EQ(row.pairs, 12) << row.name;
    EXPECT_EQ(row.verdict, bench::Verdict::kSlower) << row.name;
    EXPECT_TRUE(std::isinf(row.ratio.estimate)) << row.name;
  }
  EXPECT_EQ(compare(collapsed, well, 0.05, 0.95)[0].ratio.high, 0.0);
  EXPECT_EQ(least_pairs(0.95), 9);
}

TEST(MetricsText, DifferencesOfHistograms) {
  const std::string before =
      "# TYPE x_seconds histogram\n"
      "x_seconds_bucket{le=\"0.1\",stage=\"queue\"} 5\n"
      "x_seconds_bucket{stage=\"queue\",le=\"+Inf\"} 5\n"
      "x_seconds_sum{stage=\"queue\"} 0.25\nx_seconds_count{stage=\"queue\"} 5\n"
      "requests_total 7\n";
  const std::string after =
      "x_seconds_bucket{le=\"0.1\",stage=\"queue\"} 6\r\n"
      "x_seconds_bucket{stage=\"queue\",le=\"1\"} 8\r\n"
      "x_seconds_bucket{stage=\"queue\",le=\"+Inf\"} 8\r\n"
      "x_seconds_sum{stage=\"queue\"} 1.75\r\nx_seconds_count{stage=\"queue\"} 8\r\n"
      "y_seconds_bucket{le=\"+Inf\"} 0\ny_seconds_sum 0\ny_seconds_count 0\n"
      "sizes_bucket{le=\"+Inf\"} 4\nsizes_sum 4\nsizes_count 4\n";
  const auto stages = stages_between(read_histograms(before), read_histograms(after));
  ASSERT_EQ(stages.size(), 1u);
  EXPECT_EQ(stages[0].name, "x_seconds{stage=\"queue\"}");
  EXPECT_EQ(stages[0].count, 3.0);
  EXPECT_DOUBLE_EQ(stages[0].mean_s, 0.5);
  EXPECT_EQ(stages[0].p99_s, 1.0);
  EXPECT_TRUE(stages_between({}, read_histograms("<html>not found</html>")).empty());
}

TEST(MetricsText, SurvivesAnything) {
  Rng rng(5);
  const std::string letters = "x_bucketsumcount{le=\"0.1\",} \n#+Inf5e";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::uint64_t size = rng.below(80); size-- > 0;)
      text += letters[rng.below(letters.size())];
    const auto read = read_histograms(text);
    ASSERT_LE(stages_between(read, read).size(), 0u);
  }
}

}  // namespace
}  // namespace aisp::load
