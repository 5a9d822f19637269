// The same loop with eight elements at a time and one rounding less (fused multiply-add). The code
// stands in a target region: only these functions may use AVX2, and `needs` keeps them from
// processors that lack it.
#include "base/simd_target.h"
#include "docs/skeleton/lab/problem.h"

namespace aisp::skeleton::lab {
namespace {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
void add(const float* x, const float* y, float* out, std::int64_t n) {
  const __m256 alpha = _mm256_set1_ps(kAlpha);
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 sum = _mm256_fmadd_ps(alpha, _mm256_loadu_ps(y + i), _mm256_loadu_ps(x + i));
    _mm256_storeu_ps(out + i, sum);
  }
  for (; i < n; ++i) out[i] = x[i] + kAlpha * y[i];
}
}  // namespace avx2
AISP_TARGET_END
constexpr auto kAdd = &avx2::add;
#else
constexpr void (*kAdd)(const float*, const float*, float*, std::int64_t) = nullptr;
#endif

}  // namespace

bench::Technique simd_avx2() {
  return {.name = "simd_avx2",
          .summary = "eight elements at a time, fused multiply-add",
          .needs = [](const machine::Cpu& cpu) { return cpu.avx2 ? "" : "needs AVX2"; },
          .plan =
              [](const bench::Params& params) {
                return bench::plan_of([n = params["n"]](const bench::Io& io) {
                  kAdd(io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), n);
                });
              }};
}

}  // namespace aisp::skeleton::lab
