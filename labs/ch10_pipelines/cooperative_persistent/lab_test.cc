// The passes balance, and every technique on a GPU.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch10_pipelines/cooperative_persistent/problem.h"

namespace aisp::labs::ch10::cooperative_persistent {

bench::Lab describe();

namespace {

TEST(CooperativePersistent, ManyPassesBalanceTokensAndExperts) {
  const bench::Lab lab = describe();
  const bench::Params size = {{"tokens", 40}, {"experts", 8}, {"passes", 60}};
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 1);
  const auto out = bench::compute_expected(lab, size, set).outputs[0].value;
  for (std::size_t e = 0; e < 8; ++e) {
    double column = 0.0;
    for (std::size_t t = 0; t < 40; ++t) column += out[t * 8 + e];
    EXPECT_NEAR(column, 1.0 / 8, 1e-5);
  }
  for (std::size_t t = 0; t < 40; ++t) {
    double row = 0.0;
    for (std::size_t e = 0; e < 8; ++e) row += out[t * 8 + e];
    EXPECT_NEAR(row, 1.0 / 40, 1e-5);
  }
}

TEST(CooperativePersistent, NeedsSayWhy) {
  machine::CudaDevice bare = machine::described_h200();
  bare.cooperative_launch = false;
  EXPECT_EQ(describe().techniques[2].needs_device(bare), "needs cooperative launches");
}

TEST(CooperativePersistentCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch10::cooperative_persistent
