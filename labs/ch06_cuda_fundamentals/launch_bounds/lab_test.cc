// The contract on the CPU, the techniques on the GPU.
#include <gtest/gtest.h>

#include <cmath>

#include "bench/verify.h"
#include "labs/ch06_cuda_fundamentals/launch_bounds/problem.h"

namespace aisp::labs::ch06::launch_bounds {

bench::Lab describe();

namespace {

bench::Technique plain_softmax(bool round_inputs) {
  return {.name = "softmax", .plan = [round_inputs](const bench::Params&) {
            return bench::plan_of([round_inputs](const bench::Io& io) {
              const auto x = io.in<float>(0);
              const auto y = io.out<float>(0);
              for (std::size_t row = 0; row < x.size(); row += kExperts) {
                float sum = 0.0f;
                for (std::size_t i = row; i < row + kExperts; ++i) {
                  y[i] = std::exp((round_inputs ? float(bf16(x[i])) : x[i]) - 4.0f);
                  sum += y[i];
                }
                for (std::size_t i = row; i < row + kExperts; ++i) y[i] /= sum;
              }
            });
          }};
}

TEST(LaunchBounds, APlainSoftmaxIsRightAndLowerPrecisionIsNoticed) {
  const bench::Lab lab = describe();
  EXPECT_EQ(bench::run_and_check(lab, lab.cases[0].smoke, plain_softmax(false), 1), "");
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, plain_softmax(true), 1), "");
}

TEST(LaunchBoundsCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch06::launch_bounds
