// Both sides on 16 lanes, then a blend by the comparison's mask: what a GPU does with a divergent
// warp (each side once, half of the lanes off), without the cost of taking both paths one after
// the other.
#include "base/simd_target.h"
#include "labs/ch06_cuda_fundamentals/warp_divergence/problem.h"

namespace aisp::labs::ch06::warp_divergence {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512
namespace avx512 {
namespace {

void loss(const Boxes& boxes) {
  const __m512 half = _mm512_set1_ps(0.5f), one = _mm512_set1_ps(1.0f);
  for (std::int64_t i = 0; i < boxes.n; i += 16) {
    const auto lanes =
        static_cast<__mmask16>(boxes.n - i >= 16 ? 0xffff : (1u << (boxes.n - i)) - 1u);
    const __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, boxes.pred + i),
                                   _mm512_maskz_loadu_ps(lanes, boxes.target + i));
    const __m512 size = _mm512_abs_ps(d);
    const __m512 square = _mm512_mul_ps(_mm512_mul_ps(half, d), d);
    const __m512 line = _mm512_sub_ps(size, half);
    const __mmask16 small = _mm512_cmp_ps_mask(size, one, _CMP_LT_OQ);
    _mm512_mask_storeu_ps(boxes.loss + i, lanes, _mm512_mask_blend_ps(small, line, square));
  }
}

}  // namespace
}  // namespace avx512
AISP_TARGET_END
#endif

bench::Technique blend_avx512() {
  return {.name = "blend_avx512",
          .summary = "both sides and a blend, 16 lanes",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx512 ? "" : "needs AVX-512";
          },
          .plan =
              [](const bench::Params& params) {
#if AISP_X86
                return plan_loss(params, avx512::loss);
#else
                return branch().plan(params);  // never: `needs` said no
#endif
              }};
}

}  // namespace aisp::labs::ch06::warp_divergence
