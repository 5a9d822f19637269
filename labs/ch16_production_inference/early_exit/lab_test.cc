// Every technique stays within the lab's tolerance, which all layers do not need and an exit for
// every token exceeds; what leaving changes, in the figures of the drift tool.
#include <gtest/gtest.h>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch16_production_inference/early_exit/problem.h"
#include "model/drift.h"

namespace aisp::labs::ch16::early_exit {

bench::Lab describe();

namespace {

TEST(EarlyExit, EveryTechniqueIsWithinItsBound) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(EarlyExit, AllLayersNeedNoTolerance) {
  bench::Lab lab = describe();
  lab.tolerance = [](const bench::Params&) { return Tolerance{.absolute = 1e-3}; };
  EXPECT_EQ(bench::run_and_check(lab, lab.cases[0].smoke, all_layers(), 3), "");
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, careful_exit(), 3), "");
}

TEST(EarlyExit, LeavingWithoutLookingIsNoticed) {
  const bench::Lab lab = describe();
  bench::Params size = lab.cases[1].smoke;
  size.set("N", 8);  // requests: tokens of all sizes are among theirs
  EXPECT_EQ(bench::run_and_check(lab, size, eager_exit(), 3), "");
  EXPECT_NE(bench::run_and_check(lab, size, with_exit("cheat", "", 1e9), 3), "");
}

struct Answer {
  std::vector<float> logits;
  double left = 0.0;  // share of the rows
};

Answer answer_of(double least_change) {
  const bench::Lab lab = describe();
  const bench::Params size = {{"M", 1}, {"L", 3},  {"V", 512}, {"N", 4},
                              {"P", 4}, {"A", 24}, {"E", 1}};
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 5);
  Model model(size);
  model.answer_all(set.io(), least_change);
  const auto logits = set.io().out<float>(recorded::kLogits);
  const double rows = static_cast<double>(std::max<std::int64_t>(1, model.rows()));
  return {{logits.begin(), logits.end()}, static_cast<double>(model.left()) / rows};
}

model::Drift drift_of(const Answer& full, const Answer& early) {
  std::vector<model::PositionDrift> positions;
  for (std::size_t at = 0; at < full.logits.size(); at += 512) {
    positions.push_back(model::compare_logits(std::span(full.logits).subspan(at, 512),
                                              std::span(early.logits).subspan(at, 512), -1));
  }
  return summarize(positions);
}

TEST(EarlyExit, TheQualityItCostsIsWhatTheLabSays) {
  const Answer full = answer_of(0.0), careful = answer_of(0.01), eager = answer_of(0.05);
  EXPECT_EQ(full.left, 0.0);
  EXPECT_NEAR(careful.left, 0.5, 0.15);
  EXPECT_NEAR(eager.left, 0.75, 0.15);
  const model::Drift little = drift_of(full, careful), more = drift_of(full, eager);
  EXPECT_GT(little.mean_kl, 0.0);
  EXPECT_LT(little.mean_kl, 0.005);
  EXPECT_GT(more.mean_kl, little.mean_kl);
  EXPECT_LT(more.mean_kl, 0.05);
  EXPECT_GT(more.top_1, 0.8);
}

}  // namespace
}  // namespace aisp::labs::ch16::early_exit
