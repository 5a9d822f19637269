// The lab's device techniques, and the tolerance's power.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch08_occupancy/ai_optimization/problem.h"

namespace aisp::labs::ch08::ai_optimization {

bench::Lab describe();

namespace {

TEST(AiOptimizationCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

TEST(AiOptimization, Bf16InputsAreNoticed) {
  const bench::Lab lab = describe();
  const bench::Technique rounded = {
      .name = "rounded", .plan = [](const bench::Params& p) {
        return bench::plan_of([n = static_cast<std::size_t>(p["n"])](const bench::Io& io) {
          const auto x = io.in<float>(0), w = io.in<float>(1);
          for (std::size_t r = 0; r < io.out<float>(0).size(); ++r) {
            float sum = 0.0f;
            for (std::size_t k = 0; k < n; ++k)
              sum += static_cast<float>(bf16(x[r * n + k])) * w[k];
            io.out<float>(0)[r] = sum;
          }
        });
      }};
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, rounded, 5), "");
}

}  // namespace
}  // namespace aisp::labs::ch08::ai_optimization
