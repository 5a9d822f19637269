// One pass, 16 lanes, with plain or streaming stores. A 512-bit streaming store writes a whole
// cache line, so no write-combining buffer has to wait for its second half.
#include "base/simd_target.h"
#include "labs/ch09_fusion/fused_l2norm/problem.h"

namespace aisp::labs::ch09::fused_l2norm {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512
namespace avx512 {

// The square roots take the maskz form because the plain one makes g++ 12 warn about its own
// header.

template <bool kStreaming>
void norm(const float* x, const float* y, float* out, std::size_t n) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m512 a = _mm512_loadu_ps(x + i), b = _mm512_loadu_ps(y + i);
    const __m512 norm = _mm512_maskz_sqrt_ps(0xffff, _mm512_fmadd_ps(a, a, _mm512_mul_ps(b, b)));
    if constexpr (kStreaming) {
      _mm512_stream_ps(out + i, norm);
    } else {
      _mm512_storeu_ps(out + i, norm);
    }
  }
  if constexpr (kStreaming) _mm_sfence();
  if (i < n) {
    const auto mask = static_cast<__mmask16>((1u << (n - i)) - 1u);
    const __m512 a = _mm512_maskz_loadu_ps(mask, x + i), b = _mm512_maskz_loadu_ps(mask, y + i);
    _mm512_mask_storeu_ps(out + i, mask,
                          _mm512_maskz_sqrt_ps(0xffff, _mm512_fmadd_ps(a, a, _mm512_mul_ps(b, b))));
  }
}

}  // namespace avx512
AISP_TARGET_END

void norm_avx512(const float* x, const float* y, float* out, std::size_t n) {
  avx512::norm<false>(x, y, out, n);
}
void norm_avx512_streaming(const float* x, const float* y, float* out, std::size_t n) {
  avx512::norm<true>(x, y, out, n);
}
#else
void norm_avx512(const float* x, const float* y, float* out, std::size_t n) {
  norm_plain(x, y, out, n);
}
void norm_avx512_streaming(const float* x, const float* y, float* out, std::size_t n) {
  norm_plain(x, y, out, n);
}
#endif

bench::Technique one_pass_avx512() {
  return {.name = "one_pass_avx512",
          .summary = "one pass, 16 lanes, vector square root",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx512 ? "" : "needs AVX-512";
          },
          .plan =
              [](const bench::Params&) {
                return bench::plan_of([](const bench::Io& io) {
                  const auto x = io.in<float>(0);
                  norm_avx512(x.data(), io.in<float>(1).data(), io.out<float>(0).data(), x.size());
                });
              }};
}

}  // namespace aisp::labs::ch09::fused_l2norm
