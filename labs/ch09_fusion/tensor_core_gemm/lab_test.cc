// The lab's device techniques, and the tolerance's power in each type.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch09_fusion/tensor_core_gemm/problem.h"

namespace aisp::labs::ch09::tensor_core_gemm {

bench::Lab describe();

namespace {

using bench::matmul::Narrow;

TEST(TensorCoreGemmCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

/// Products with sums in double, spoiled by one precision less: bf16 for tf32 inputs, f16 sums, an
/// fp8 result. Unspoiled they pass.
template <class In, class Out, class Decode>
bench::Technique naive(Decode decode, float (*spoil_sum)(float), float (*spoil_result)(float)) {
  return {.name = "naive", .plan = [=](const bench::Params& p) {
            const std::int64_t m = p["M"], n = p["N"], k = p["K"];
            return bench::plan_of([=](const bench::Io& io) {
              const auto a = io.in<In>(kA), b = io.in<In>(kB);
              for (std::int64_t i = 0; i < m * n; ++i) {
                float sum = 0.0f;
                for (std::int64_t q = 0; q < k; ++q) {
                  sum = spoil_sum(sum + decode(a[i / n * k + q]) * decode(b[i % n * k + q]));
                }
                io.out<Out>(0)[i] = Out(spoil_result(sum));
              }
            });
          }};
}

float same(float x) { return x; }
float as_bf16(float x) { return static_cast<float>(bf16(x)); }
float as_f16(float x) { return static_cast<float>(f16(x)); }

TEST(TensorCoreGemm, LowerPrecisionIsNoticed) {
  const bench::Lab lab = describe();
  const auto& tf32 = lab.cases[0].smoke;
  const auto& half = lab.cases[1].smoke;
  const auto keep = [](float x) { return x; };
  const auto half_value = [](f16 x) { return static_cast<float>(x); };
  EXPECT_EQ(bench::run_and_check(lab, tf32, naive<float, float>(keep, same, same), 5), "");
  EXPECT_NE(bench::run_and_check(lab, tf32, naive<float, float>(as_bf16, same, same), 5), "");
  EXPECT_EQ(bench::run_and_check(lab, half, naive<f16, f16>(half_value, same, same), 5), "");
  EXPECT_NE(bench::run_and_check(lab, half, naive<f16, f16>(half_value, as_f16, same), 5), "");
  EXPECT_NE(bench::run_and_check(lab, half, naive<f16, f16>(half_value, same, as_bf16), 5), "");
}

TEST(TensorCoreGemm, NeedsSayWhy) {
  machine::CudaDevice a100 = machine::described_h200();
  a100.major = 8;
  const bench::Lab lab = describe();
  for (const bench::Technique& one : lab.techniques) {
    if (one.name == "simt") continue;
    EXPECT_NE(one.needs_device(a100), "") << one.name;
  }
}

}  // namespace
}  // namespace aisp::labs::ch09::tensor_core_gemm
