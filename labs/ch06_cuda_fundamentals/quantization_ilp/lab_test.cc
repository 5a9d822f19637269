// The two copies of the weights agree, lower precision is noticed, the techniques are right on a
// GPU.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch06_cuda_fundamentals/quantization_ilp/problem.h"

namespace aisp::labs::ch06::quantization_ilp {

bench::Lab describe();

namespace {

bench::Technique plain_loop(bool round_x) {
  return {.name = "loop", .plan = [round_x](const bench::Params&) {
            return bench::plan_of([round_x](const bench::Io& io) {
              const auto w = io.in<bf16>(kBf16);
              const auto x = io.in<float>(kX);
              const auto y = io.out<float>(0);
              for (std::size_t row = 0; row < y.size(); ++row) {
                float sum = 0.0f;
                for (std::size_t q = 0; q < x.size(); ++q) {
                  sum += float(w[row * x.size() + q]) * (round_x ? float(bf16(x[q])) : x[q]);
                }
                y[row] = sum;
              }
            });
          }};
}

// The reference reads the f32 weights, this loop those in bf16.
TEST(QuantizationIlp, BothCopiesOfTheWeightsGiveTheSameProduct) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    EXPECT_EQ(bench::run_and_check(lab, one.smoke, plain_loop(false), 1), "");
  }
}

TEST(QuantizationIlp, AnInputOfLowerPrecisionIsNoticed) {
  const bench::Lab lab = describe();
  EXPECT_NE(bench::run_and_check(lab, {{"rows", 300}, {"cols", 4096}}, plain_loop(true), 1), "");
}

TEST(QuantizationIlp, TheWorkIsThatOfTheShorterWeights) {
  const bench::Lab lab = describe();
  const bench::Params full = lab.cases[0].full;
  const double weights = static_cast<double>(full["rows"]) * static_cast<double>(full["cols"]);
  EXPECT_NEAR(lab.work(full).bytes_read / (2.0 * weights), 1.0, 1e-2);
}

TEST(QuantizationIlpCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch06::quantization_ilp
