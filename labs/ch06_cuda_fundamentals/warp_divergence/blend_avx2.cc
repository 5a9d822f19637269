// Both sides on 8 lanes, then a blend by the comparison's mask: what a GPU does with a divergent
// warp (each side once, half of the lanes off), without the cost of taking both paths one after
// the other.
#include "base/simd_target.h"
#include "labs/ch06_cuda_fundamentals/warp_divergence/problem.h"

namespace aisp::labs::ch06::warp_divergence {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
namespace {

void loss(const Boxes& boxes) {
  const __m256 half = _mm256_set1_ps(0.5f), one = _mm256_set1_ps(1.0f);
  const __m256 sign = _mm256_set1_ps(-0.0f);
  std::int64_t i = 0;
  for (; i + 8 <= boxes.n; i += 8) {
    const __m256 d =
        _mm256_sub_ps(_mm256_loadu_ps(boxes.pred + i), _mm256_loadu_ps(boxes.target + i));
    const __m256 size = _mm256_andnot_ps(sign, d);
    const __m256 square = _mm256_mul_ps(_mm256_mul_ps(half, d), d);
    const __m256 line = _mm256_sub_ps(size, half);
    const __m256 small = _mm256_cmp_ps(size, one, _CMP_LT_OQ);
    _mm256_storeu_ps(boxes.loss + i, _mm256_blendv_ps(line, square, small));
  }
  blend_from(boxes, i);
}

}  // namespace
}  // namespace avx2
AISP_TARGET_END
#endif

bench::Technique blend_avx2() {
  return {.name = "blend_avx2",
          .summary = "both sides and a blend, 8 lanes",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx2 ? "" : "needs AVX2";
          },
          .plan =
              [](const bench::Params& params) {
#if AISP_X86
                return plan_loss(params, avx2::loss);
#else
                return branch().plan(params);  // never: `needs` said no
#endif
              }};
}

}  // namespace aisp::labs::ch06::warp_divergence
