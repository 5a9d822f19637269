// Properties of the norm beyond equality with the reference.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "bench/verify.h"
#include "labs/ch09_fusion/fused_l2norm/problem.h"

namespace aisp::labs::ch09::fused_l2norm {

bench::Lab describe();

namespace {

std::vector<NormKernel> kernels_here() {
  std::vector<NormKernel> kernels = {norm_plain};
  if (machine::cpu().avx2) kernels.insert(kernels.end(), {norm_avx2, norm_avx2_streaming});
  if (machine::cpu().avx512) kernels.insert(kernels.end(), {norm_avx512, norm_avx512_streaming});
  return kernels;
}

TEST(FusedL2Norm, AllTechniquesAreRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

TEST(FusedL2Norm, SpecialValuesInEveryLane) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const NormKernel kernel : kernels_here()) {
    for (std::size_t at = 0; at < 19; ++at) {
      alignas(64) float x[19] = {}, y[19] = {}, out[19];
      const auto norm = [&](float a, float b) {
        x[at] = a;
        y[at] = b;
        kernel(x, y, out, 19);
        return out[at];
      };
      EXPECT_EQ(norm(3.0f, -4.0f), 5.0f);
      EXPECT_EQ(norm(-0.0f, 0.0f), 0.0f);
      EXPECT_EQ(norm(-kInf, 1.0f), kInf);
      EXPECT_EQ(norm(1e20f, 0.0f), kInf);  // the square overflows, in every technique alike
      EXPECT_TRUE(std::isnan(norm(kNan, 1.0f)));
    }
  }
}

TEST(FusedL2Norm, Bf16DataFail) {
  const bench::Lab lab = describe();
  bench::Technique bf16_data = {.name = "bf16_data", .plan = [](const bench::Params&) {
                                  return bench::plan_of([](const bench::Io& io) {
                                    for (std::size_t i = 0; i < io.out<float>(0).size(); ++i) {
                                      const auto x = float(bf16(io.in<float>(0)[i])),
                                                 y = float(bf16(io.in<float>(1)[i]));
                                      io.out<float>(0)[i] = std::sqrt(x * x + y * y);
                                    }
                                  });
                                }};
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, bf16_data, 5), "");
}

TEST(FusedL2Norm, StreamsOnlyBeyondTheCaches) {
  machine::Cpu cpu;
  cpu.cores = 2;
  cpu.data_caches = {{.level = 1, .size_bytes = 32u << 10},
                     {.level = 2, .size_bytes = 1u << 20},
                     {.level = 3, .size_bytes = 32u << 20, .sharing_cores = 2}};
  EXPECT_FALSE(choose_streaming(20100, cpu));
  EXPECT_FALSE(choose_streaming(2 << 20, cpu));
  EXPECT_TRUE(choose_streaming(3 << 20, cpu));
  EXPECT_TRUE(choose_streaming(16 * 3000 * 201, cpu));
}

TEST(FusedL2NormCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

TEST(FusedL2Norm, NeedsSayWhy) {
  const machine::Cpu bare;
  EXPECT_EQ(one_pass_avx2().needs(bare), "needs AVX2");
  EXPECT_EQ(one_pass_avx512().needs(bare), "needs AVX-512");
  EXPECT_EQ(one_pass_streaming().needs(bare), "needs AVX2");
  EXPECT_EQ(one_pass_threads().needs(bare), "needs 2 cores");
  EXPECT_EQ(choose_kernel(bare, true), &norm_plain);
}

}  // namespace
}  // namespace aisp::labs::ch09::fused_l2norm
