// One loop: each element is read once and written once, the values in between stay in registers.
// 4-wide, any machine.
#include "labs/ch12_graphs/kernel_fusion/problem.h"

namespace aisp::labs::ch12::kernel_fusion {
namespace {

void fused(const float* s, float* y, std::int64_t n) {
  std::int64_t i = 0;
#if AISP_X86
  const __m128 epsilon = _mm_set1_ps(kEpsilon), correction = _mm_set1_ps(kCorrection);
  for (; i + 4 <= n; i += 4) {
    const __m128 sum = _mm_add_ps(_mm_loadu_ps(s + i), epsilon);
    _mm_storeu_ps(y + i, _mm_sqrt_ps(_mm_mul_ps(sum, correction)));
  }
#endif
  fused_from(s, y, i, n);
}

}  // namespace

bench::Technique one_pass() {
  return {.name = "one_pass",
          .summary = "one loop, 4 lanes",
          .plan = [](const bench::Params& params) { return plan_pass(params, fused); }};
}

}  // namespace aisp::labs::ch12::kernel_fusion
