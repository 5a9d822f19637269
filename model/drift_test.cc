// The figures of drift on distributions worked out by hand, their bounds, and the rows on disk.
#include "model/drift.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "model/row_file.h"
#include "model/temporary_folder.h"

namespace aisp::model {
namespace {

// p = (1/2, 1/4, 1/4), q = (1/4, 1/2, 1/4): KL = 1/2 log 2 - 1/4 log 2.
TEST(Drift, OnePositionByHand) {
  const float l2 = std::log(2.0f);
  const std::vector<float> a = {l2, 0, 0}, b = {5, 5 + l2, 5};
  const PositionDrift d = compare_logits(a, b, 1);
  EXPECT_NEAR(d.kl, 0.25 * std::log(2.0), 1e-7);
  EXPECT_EQ(d.top_a, 0);
  EXPECT_EQ(d.top_b, 1);
  EXPECT_NEAR(d.p_top_a, 0.5, 1e-7);
  EXPECT_NEAR(d.q_top_a, 0.25, 1e-7);
  EXPECT_NEAR(d.q_top_b, 0.5, 1e-7);
  EXPECT_NEAR(d.next_change, 0.25, 1e-7);
  EXPECT_NEAR(d.logit_error, std::log(2.0) * std::sqrt(2.0 / 3.0), 1e-6);
  EXPECT_NEAR(d.logit_spread, std::log(2.0) * std::sqrt(2.0) / 3.0, 1e-6);
}

TEST(Drift, EqualIsZeroAndAShiftIsNone) {
  const std::vector<float> a = {1, 2, 3, -4}, b = {2, 3, 4, -3};
  EXPECT_EQ(compare_logits(a, a, -1).kl, 0.0);
  EXPECT_NEAR(compare_logits(a, b, -1).kl, 0.0, 1e-15);
  EXPECT_NEAR(compare_logits(a, b, -1).logit_error, 0.0, 1e-15);
  EXPECT_TRUE(std::isnan(compare_logits(a, b, -1).next_change));
}

TEST(Drift, WhatIsNoNumberIsInfinitelyFar) {
  const std::vector<float> a = {1, 2}, b = {1, NAN};
  EXPECT_EQ(compare_logits(a, b, -1).kl, INFINITY);
  EXPECT_EQ(compare_logits(b, a, -1).kl, INFINITY);
  const std::vector<float> impossible = {0, -INFINITY};  // q = 0 where p is not
  EXPECT_EQ(compare_logits(a, impossible, -1).kl, INFINITY);
  EXPECT_NEAR(compare_logits(impossible, a, -1).kl, std::log(1 + std::exp(1.0)), 1e-7);
}

TEST(Drift, SummaryAndBounds) {
  std::vector<PositionDrift> positions(101);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    positions[i].kl = static_cast<double>(i) / 100.0;
    positions[i].top_b = i < 25 ? 1 : 0;
    positions[i].next_change = i == 0 ? NAN : (i % 2 == 0 ? 0.1 : -0.1);
    positions[i].logit_error = 3.0;
    positions[i].logit_spread = 4.0;
  }
  const Drift d = summarize(positions);
  EXPECT_NEAR(d.mean_kl, 0.5, 1e-12);
  EXPECT_NEAR(d.kl_median, 0.5, 1e-12);
  EXPECT_NEAR(d.kl_99, 0.99, 1e-12);
  EXPECT_EQ(d.kl_max, 1.0);
  EXPECT_NEAR(d.top_1, 76.0 / 101.0, 1e-12);
  EXPECT_NEAR(d.next_change_rms, 0.1, 1e-12);
  EXPECT_NEAR(d.logit_error, 3.0, 1e-12);
  EXPECT_NEAR(d.relative_logit_error, 0.75, 1e-12);
  EXPECT_NEAR(d.mean_kl_error, std::sqrt((0.335 - 0.25) / 100.0), 1e-9);

  DriftBounds bounds;
  EXPECT_TRUE(beyond(d, bounds).empty());
  bounds.mean_kl = 0.51, bounds.kl_99 = 1.0, bounds.top_1 = 0.75;
  EXPECT_TRUE(beyond(d, bounds).empty());
  bounds.mean_kl = 0.49, bounds.kl_99 = 0.9, bounds.top_1 = 0.9;
  EXPECT_EQ(beyond(d, bounds).size(), 3u);
  positions[3].kl = INFINITY;
  EXPECT_EQ(beyond(summarize(positions), bounds).front(), "mean KL inf is above 0.49");
}

TEST(RowFile, KeepsRowsAndNoName) {
  const TemporaryFolder folder;
  RowFile rows(folder.path(""), 3);
  rows.append(std::vector<float>{1, 2, 3});
  rows.append(std::vector<float>{4, 5, 6});
  std::vector<float> row(3);
  rows.read(1, row);
  EXPECT_EQ(row, (std::vector<float>{4, 5, 6}));
  rows.read(0, row);
  EXPECT_EQ(row, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(rows.rows(), 2);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path("")));
  EXPECT_THROW(RowFile("/nonexistent", 3), Error);
}

}  // namespace
}  // namespace aisp::model
