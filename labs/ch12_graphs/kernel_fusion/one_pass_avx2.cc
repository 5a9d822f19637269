// One loop, 8 lanes.
#include "labs/ch12_graphs/kernel_fusion/problem.h"

namespace aisp::labs::ch12::kernel_fusion {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
namespace {

void fused(const float* s, float* y, std::int64_t n) {
  const __m256 epsilon = _mm256_set1_ps(kEpsilon), correction = _mm256_set1_ps(kCorrection);
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 sum = _mm256_add_ps(_mm256_loadu_ps(s + i), epsilon);
    _mm256_storeu_ps(y + i, _mm256_sqrt_ps(_mm256_mul_ps(sum, correction)));
  }
  fused_from(s, y, i, n);
}

}  // namespace
}  // namespace avx2
AISP_TARGET_END
#endif

bench::Technique one_pass_avx2() {
  return {.name = "one_pass_avx2",
          .summary = "one loop, 8 lanes",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx2 ? "" : "needs AVX2";
          },
          .plan =
              [](const bench::Params& params) {
#if AISP_X86
                return plan_pass(params, avx2::fused);
#else
                return one_pass().plan(params);  // never: `needs` said no
#endif
              }};
}

}  // namespace aisp::labs::ch12::kernel_fusion
