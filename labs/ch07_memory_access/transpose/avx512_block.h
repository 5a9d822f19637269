// The 16 x 16 f32 block turned in AVX-512 registers. Include after base/simd_target.h.
#pragma once

#include <cstdint>

#include "base/simd_target.h"

#if AISP_X86
AISP_TARGET_BEGIN_AVX512

namespace aisp::labs::ch07::transpose::avx512 {

/// line[k] on entry: row k of a 16 x 16 block; on return: column k. 64 shuffles in four steps:
/// pairs, quads, then 128-bit lanes twice. Loading 4 x 128 bits per register and halving the
/// shuffles was 1 to 8 % slower on Zen 4, where four times the loads then bound it.
inline void turn(__m512* line) {
  __m512 t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_ps(line[2 * i], line[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_ps(line[2 * i], line[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {  // line[i + c]: columns c, 4+c, 8+c, 12+c of rows i .. i+3
    const __m512d low01 = _mm512_castps_pd(t[i]), low23 = _mm512_castps_pd(t[i + 2]);
    const __m512d high01 = _mm512_castps_pd(t[i + 1]), high23 = _mm512_castps_pd(t[i + 3]);
    line[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(low01, low23));
    line[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low01, low23));
    line[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high01, high23));
    line[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high01, high23));
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    t[c] = _mm512_shuffle_f32x4(line[c], line[c + 4], 0x88);           // columns c, 8+c; rows 0-7
    t[c + 4] = _mm512_shuffle_f32x4(line[c], line[c + 4], 0xdd);       // columns 4+c, 12+c
    t[c + 8] = _mm512_shuffle_f32x4(line[c + 8], line[c + 12], 0x88);  // the same, rows 8-15
    t[c + 12] = _mm512_shuffle_f32x4(line[c + 8], line[c + 12], 0xdd);
  }
#pragma GCC unroll 8
  for (int c = 0; c < 8; ++c) {
    line[c] = _mm512_shuffle_f32x4(t[c], t[c + 8], 0x88);
    line[c + 8] = _mm512_shuffle_f32x4(t[c], t[c + 8], 0xdd);
  }
}

}  // namespace aisp::labs::ch07::transpose::avx512

AISP_TARGET_END
#endif
