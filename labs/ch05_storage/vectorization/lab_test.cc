// Properties of the sum beyond equality with the reference.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch05_storage/vectorization/problem.h"

namespace aisp::labs::ch05::vectorization {

bench::Lab describe();

namespace {

std::vector<SumKernel> kernels_here() {
  std::vector<SumKernel> kernels = {sum_multi_accumulator};
  if (machine::cpu().avx2) kernels.push_back(sum_avx2);
  if (machine::cpu().avx512) kernels.push_back(sum_avx512);
  return kernels;
}

TEST(Vectorization, AllTechniquesAreRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(Vectorization, IntegersSumExactlyAtEverySize) {
  std::vector<float> x(400);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) - 100.0f;
  for (const SumKernel kernel : kernels_here()) {
    float expected = 0.0f;
    for (std::size_t n = 0; n < x.size(); expected += x[n], ++n) {
      ASSERT_EQ(kernel(x.data(), n), expected) << n;
    }
  }
}

TEST(Vectorization, NanAndInfinityAreNotLost) {
  for (const SumKernel kernel : kernels_here()) {
    for (const std::size_t at : {0u, 63u, 130u, 200u}) {
      std::vector<float> x(201, 1.0f);
      x[at] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_TRUE(std::isnan(kernel(x.data(), x.size())));
      x[at] = -std::numeric_limits<float>::infinity();
      EXPECT_EQ(kernel(x.data(), x.size()), x[at]);
    }
  }
}

/// The bound must notice data rounded to bf16 and an accumulator of bf16.
TEST(Vectorization, LowerPrecisionFails) {
  const bench::Lab lab = describe();
  bench::Technique rounded_inputs = {.name = "rounded_inputs", .plan = [](const bench::Params&) {
                                       return bench::plan_of([](const bench::Io& io) {
                                         double sum = 0.0;
                                         for (const float value : io.in<float>(0))
                                           sum += float(bf16(value));
                                         io.out<float>(0)[0] = static_cast<float>(sum);
                                       });
                                     }};
  bench::Technique bf16_accumulator = {.name = "bf16_accumulator",
                                       .plan = [](const bench::Params&) {
                                         return bench::plan_of([](const bench::Io& io) {
                                           bf16 sum{};
                                           for (const float value : io.in<float>(0))
                                             sum = bf16(float(sum) + value);
                                           io.out<float>(0)[0] = float(sum);
                                         });
                                       }};
  const bench::Params smoke = lab.cases[0].smoke;
  int caught = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    caught += !bench::run_and_check(lab, smoke, rounded_inputs, seed).empty();
    EXPECT_NE(bench::run_and_check(lab, smoke, bf16_accumulator, seed), "");
  }
  EXPECT_GE(caught, 8);  // 0.04 chance each to land inside the bound
}

TEST(Vectorization, NeedsSayWhy) {
  const machine::Cpu bare;
  EXPECT_EQ(simd_avx2().needs(bare), "needs AVX2");
  EXPECT_EQ(simd_avx512().needs(bare), "needs AVX-512");
  EXPECT_EQ(simd_threads().needs(bare), "needs 2 cores");
  EXPECT_EQ(choose_kernel(bare), &sum_multi_accumulator);
}

}  // namespace
}  // namespace aisp::labs::ch05::vectorization
