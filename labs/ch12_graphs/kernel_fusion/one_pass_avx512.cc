// One loop, 16 lanes.
#include "labs/ch12_graphs/kernel_fusion/problem.h"

namespace aisp::labs::ch12::kernel_fusion {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512
namespace avx512 {
namespace {

void fused(const float* s, float* y, std::int64_t n) {
  const __m512 epsilon = _mm512_set1_ps(kEpsilon), correction = _mm512_set1_ps(kCorrection);
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m512 sum = _mm512_add_ps(_mm512_loadu_ps(s + i), epsilon);
    _mm512_storeu_ps(y + i, _mm512_maskz_sqrt_ps(0xffff, _mm512_mul_ps(sum, correction)));
  }
  fused_from(s, y, i, n);
}

}  // namespace
}  // namespace avx512
AISP_TARGET_END
#endif

bench::Technique one_pass_avx512() {
  return {.name = "one_pass_avx512",
          .summary = "one loop, 16 lanes",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx512 ? "" : "needs AVX-512";
          },
          .plan =
              [](const bench::Params& params) {
#if AISP_X86
                return plan_pass(params, avx512::fused);
#else
                return one_pass().plan(params);  // never: `needs` said no
#endif
              }};
}

}  // namespace aisp::labs::ch12::kernel_fusion
