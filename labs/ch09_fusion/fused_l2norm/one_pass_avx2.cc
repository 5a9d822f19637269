// One pass, 8 lanes, with plain or streaming stores.
#include <cmath>

#include "base/simd_target.h"
#include "labs/ch09_fusion/fused_l2norm/problem.h"

namespace aisp::labs::ch09::fused_l2norm {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {

template <bool kStreaming>
void norm(const float* x, const float* y, float* out, std::size_t n) {
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(y + i);
    const __m256 norm = _mm256_sqrt_ps(_mm256_fmadd_ps(a, a, _mm256_mul_ps(b, b)));
    if constexpr (kStreaming) {
      _mm256_stream_ps(out + i, norm);
    } else {
      _mm256_storeu_ps(out + i, norm);
    }
  }
  if constexpr (kStreaming) _mm_sfence();
  for (; i < n; ++i) out[i] = std::sqrt(x[i] * x[i] + y[i] * y[i]);
}

}  // namespace avx2
AISP_TARGET_END

void norm_avx2(const float* x, const float* y, float* out, std::size_t n) {
  avx2::norm<false>(x, y, out, n);
}
void norm_avx2_streaming(const float* x, const float* y, float* out, std::size_t n) {
  avx2::norm<true>(x, y, out, n);
}
#else
void norm_avx2(const float* x, const float* y, float* out, std::size_t n) {
  norm_plain(x, y, out, n);
}
void norm_avx2_streaming(const float* x, const float* y, float* out, std::size_t n) {
  norm_plain(x, y, out, n);
}
#endif

bench::Technique one_pass_avx2() {
  return {.name = "one_pass_avx2",
          .summary = "one pass, 8 lanes, vector square root",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx2 ? "" : "needs AVX2";
          },
          .plan =
              [](const bench::Params&) {
                return bench::plan_of([](const bench::Io& io) {
                  const auto x = io.in<float>(0);
                  norm_avx2(x.data(), io.in<float>(1).data(), io.out<float>(0).data(), x.size());
                });
              }};
}

}  // namespace aisp::labs::ch09::fused_l2norm
