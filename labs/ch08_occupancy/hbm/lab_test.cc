// The lab's device techniques, and the tolerance's power.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch08_occupancy/hbm/problem.h"

namespace aisp::labs::ch08::hbm {

bench::Lab describe();

namespace {

TEST(HbmCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

/// Sums of bf16 inputs, and sums of the other layout, must be wrong.
TEST(Hbm, Bf16InputsAndOtherLayoutAreNoticed) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    for (const bool other : {false, true}) {
      const bench::Technique wrong = {
          .name = "wrong", .plan = [other](const bench::Params& p) {
            const auto rows = static_cast<std::size_t>(p["rows"]);
            const auto n = static_cast<std::size_t>(p["n"]);
            const bool by_columns = (p["by_columns"] != 0) != other;
            return bench::plan_of([=](const bench::Io& io) {
              const auto x = io.in<float>(0);
              for (std::size_t r = 0; r < rows; ++r) {
                float sum = 0.0f;
                for (std::size_t k = 0; k < n; ++k) {
                  const float value = x[by_columns ? k * rows + r : r * n + k];
                  sum += other ? value : static_cast<float>(bf16(value));
                }
                io.out<float>(0)[r] = sum;
              }
            });
          }};
      EXPECT_NE(bench::run_and_check(lab, one.smoke, wrong, 5), "") << one.name << other;
    }
  }
}

}  // namespace
}  // namespace aisp::labs::ch08::hbm
