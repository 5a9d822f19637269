// e^x in f32 for softmax: portable (4 lanes), AVX2 (8) and AVX-512 (16), all the same method.
// Inline, because softmax and attention call it in their innermost loops.
//
//   x = n ln2 + r, |r| <= ln2/2;   e^x = 2^n p(r),   p of degree 6
//
// Contract of all three: relative error at most 1.4 u (u = 2^-24; the worst over every float in
// range is 1.37 u portable, 1.29 u with FMA). Results below e^-87.3 = 1.2e-38 are 0, so that no
// denormal slows what follows; e^-inf = 0; e^+inf = +inf; NaN stays NaN. Softmax needs x <= 0 only:
// above x = 88.37, half a bit before the largest float, results may already be +inf.
// Cost: 11 to 14 instructions a vector.
// Source: W. Cody and W. Waite, Software Manual for the Elementary Functions (1980), chapter 6.
#pragma once

#include <cstdint>

#include "base/simd_target.h"

namespace aisp::kernels::softmax {

inline constexpr float kLog2E = 1.44269504f;
// ln2 in two parts; the first has 9 bits, so that n times it is exact for |n| < 2^15 without FMA.
inline constexpr float kLn2High = 0.693359375f;
inline constexpr float kLn2Low = -2.12194440e-4f;
// p(r) = 1 + r + r^2 (c0 + c1 r + ... + c4 r^4): the minimax polynomial of relative error on
// |r| <= ln2/2, found by Remez exchange in 40 digits; error 3.1e-9 = 0.05 u (one degree less: 1.8).
inline constexpr float kExp0 = 0.4999999345f;
inline constexpr float kExp1 = 0.1666652063f;
inline constexpr float kExp2 = 0.04166838805f;
inline constexpr float kExp3 = 0.00836871688f;
inline constexpr float kExp4 = 0.001381459865f;
// Below, the result is 0. A little above ln of the smallest normal float (-87.3365), so that
// clamped lanes make no denormal, which costs over 100 cycles even where it is then thrown away.
inline constexpr float kExpLowest = -87.3f;
// Above ln of the largest float: 2^128 p(r) is +inf.
inline constexpr float kExpHighest = 88.8f;

namespace portable {

/// Four lanes in the vector extension of GCC and Clang: SSE2 on generic x86-64, NEON on ARM.
using Vec = float __attribute__((vector_size(16)));
using IntVec = std::int32_t __attribute__((vector_size(16)));

/// Any machine.
__attribute__((always_inline)) inline Vec exp(Vec x) {
  const Vec low = x < kExpLowest ? Vec{} + kExpLowest : x;
  const Vec in_range = low > kExpHighest ? Vec{} + kExpHighest : low;
  // Adding 1.5 * 2^23 pushes the fraction out of the mantissa: round to nearest, two additions.
  constexpr float kRound = 12582912.0f;
  const Vec n = (in_range * kLog2E + kRound) - kRound;
  const Vec r = (in_range - n * kLn2High) - n * kLn2Low;
  const Vec q = kExp0 + r * (kExp1 + r * (kExp2 + r * (kExp3 + r * kExp4)));
  const Vec p = 1.0f + (r + (r * r) * q);
  // Of NaN the conversion is arbitrary but harmless: p is NaN already.
  const IntVec power = (__builtin_convertvector(n, IntVec) + 127) << 23;
  const Vec value = p * reinterpret_cast<Vec>(power);
  return x < kExpLowest ? Vec{} : value;
}

}  // namespace portable

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {

/// Caller has checked cpu().avx2.
__attribute__((always_inline)) inline __m256 exp(__m256 x) {
  // NaN passes through min because it is the second operand.
  const __m256 in_range = _mm256_min_ps(_mm256_set1_ps(kExpHighest), x);
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(in_range, _mm256_set1_ps(kLog2E)),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(kLn2High), in_range);
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(kLn2Low), r);
  __m256 q = _mm256_fmadd_ps(r, _mm256_set1_ps(kExp4), _mm256_set1_ps(kExp3));
  q = _mm256_fmadd_ps(r, q, _mm256_set1_ps(kExp2));
  q = _mm256_fmadd_ps(r, q, _mm256_set1_ps(kExp1));
  q = _mm256_fmadd_ps(r, q, _mm256_set1_ps(kExp0));
  q = _mm256_fmadd_ps(r, q, _mm256_set1_ps(1.0f));
  q = _mm256_fmadd_ps(r, q, _mm256_set1_ps(1.0f));
  const __m256i power =
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  const __m256 value = _mm256_mul_ps(q, _mm256_castsi256_ps(power));
  const __m256 keep = _mm256_cmp_ps(x, _mm256_set1_ps(kExpLowest), _CMP_NLT_UQ);
  return _mm256_and_ps(value, keep);
}

}  // namespace avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace avx512 {

/// Caller has checked cpu().avx512.
__attribute__((always_inline)) inline __m512 exp(__m512 x) {
  // Plain forms of some intrinsics make g++ 12 warn about its own header; maskz forms with a full
  // mask compile to the same instruction.
  const __m512 in_range = _mm512_maskz_min_ps(0xffff, _mm512_set1_ps(kExpHighest), x);
  const __m512 n =
      _mm512_maskz_roundscale_ps(0xffff, _mm512_mul_ps(in_range, _mm512_set1_ps(kLog2E)),
                                 _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(kLn2High), in_range);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(kLn2Low), r);
  __m512 q = _mm512_fmadd_ps(r, _mm512_set1_ps(kExp4), _mm512_set1_ps(kExp3));
  q = _mm512_fmadd_ps(r, q, _mm512_set1_ps(kExp2));
  q = _mm512_fmadd_ps(r, q, _mm512_set1_ps(kExp1));
  q = _mm512_fmadd_ps(r, q, _mm512_set1_ps(kExp0));
  q = _mm512_fmadd_ps(r, q, _mm512_set1_ps(1.0f));
  q = _mm512_fmadd_ps(r, q, _mm512_set1_ps(1.0f));
  const __mmask16 keep = _mm512_cmp_ps_mask(x, _mm512_set1_ps(kExpLowest), _CMP_NLT_UQ);
  return _mm512_maskz_scalef_ps(keep, q, n);
}

}  // namespace avx512
AISP_TARGET_END
#endif

}  // namespace aisp::kernels::softmax
