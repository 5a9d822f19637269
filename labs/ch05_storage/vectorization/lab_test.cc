// Properties of the sum beyond equality with the reference.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch05_storage/vectorization/problem.h"

namespace aisp::labs::ch05::vectorization {

bench::Lab describe();

namespace {

TEST(Vectorization, AllTechniquesAreRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
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
}

TEST(VectorizationCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch05::vectorization
