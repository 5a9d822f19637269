// The 8 x 8 f32 block turned in AVX2 registers. Include after base/simd_target.h.
#pragma once

#include <cstdint>

#include "base/simd_target.h"

#if AISP_X86
AISP_TARGET_BEGIN_AVX2

namespace aisp::labs::ch07::transpose::avx2 {

/// column[k] = from[0..7][k], k in [0, 8). The lane crossing is done by the eight inserting loads,
/// which leaves 16 in-lane shuffles instead of 24 shuffles.
/// Source: Intel 64 and IA-32 Architectures Optimization Reference Manual, section on 8x8 transpose
/// with VINSERTF128.
inline void load_turned(const float* from, std::int64_t leading, __m256* column) {
  __m256 pair[8];  // pair[k]: rows k and k+4, columns 0-3; pair[k+4]: columns 4-7
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const float* upper = from + k * leading;
    const float* lower = from + (k + 4) * leading;
    pair[k] =
        _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(upper)), _mm_loadu_ps(lower), 1);
    pair[k + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(upper + 4)),
                                       _mm_loadu_ps(lower + 4), 1);
  }
#pragma GCC unroll 2
  for (int half = 0; half < 8; half += 4) {
    const __m256 low01 = _mm256_unpacklo_ps(pair[half], pair[half + 1]);
    const __m256 high01 = _mm256_unpackhi_ps(pair[half], pair[half + 1]);
    const __m256 low23 = _mm256_unpacklo_ps(pair[half + 2], pair[half + 3]);
    const __m256 high23 = _mm256_unpackhi_ps(pair[half + 2], pair[half + 3]);
    column[half] = _mm256_shuffle_ps(low01, low23, 0x44);
    column[half + 1] = _mm256_shuffle_ps(low01, low23, 0xee);
    column[half + 2] = _mm256_shuffle_ps(high01, high23, 0x44);
    column[half + 3] = _mm256_shuffle_ps(high01, high23, 0xee);
  }
}

}  // namespace aisp::labs::ch07::transpose::avx2

AISP_TARGET_END
#endif
