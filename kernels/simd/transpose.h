// A 4 x 4 transpose in registers: the step from rows to lanes, for kernels whose vectors run across
// rows. Vector extensions, so that every architecture has it; inlined, so that it takes the
// encoding of the target region it is used in.
#pragma once

#include <cstdint>
#include <cstring>

namespace aisp::kernels::simd {

using Four = float __attribute__((vector_size(16), aligned(4), may_alias));

// Four elements of x and y by index. GCC 11 (Ubuntu 22.04) knows only the older built-in.
#if defined(__clang__) || __GNUC__ >= 12
#define AISP_FOUR(x, y, a, b, c, d) __builtin_shufflevector(x, y, a, b, c, d)
#else
using IntFours = int __attribute__((vector_size(16)));
#define AISP_FOUR(x, y, a, b, c, d) __builtin_shuffle(x, y, IntFours{a, b, c, d})
#endif

/// to[c][r] = from[r][c] * factor for r, c < 4; strides in elements, any alignment.
__attribute__((always_inline)) inline void transpose_4x4(const float* from, std::int64_t stride,
                                                         float* to, std::int64_t to_stride,
                                                         float factor) {
  const Four r0 = *reinterpret_cast<const Four*>(from) * factor;
  const Four r1 = *reinterpret_cast<const Four*>(from + stride) * factor;
  const Four r2 = *reinterpret_cast<const Four*>(from + 2 * stride) * factor;
  const Four r3 = *reinterpret_cast<const Four*>(from + 3 * stride) * factor;
  const Four t0 = AISP_FOUR(r0, r1, 0, 4, 1, 5), t1 = AISP_FOUR(r2, r3, 0, 4, 1, 5);
  const Four t2 = AISP_FOUR(r0, r1, 2, 6, 3, 7), t3 = AISP_FOUR(r2, r3, 2, 6, 3, 7);
  *reinterpret_cast<Four*>(to) = AISP_FOUR(t0, t1, 0, 1, 4, 5);
  *reinterpret_cast<Four*>(to + to_stride) = AISP_FOUR(t0, t1, 2, 3, 6, 7);
  *reinterpret_cast<Four*>(to + 2 * to_stride) = AISP_FOUR(t2, t3, 0, 1, 4, 5);
  *reinterpret_cast<Four*>(to + 3 * to_stride) = AISP_FOUR(t2, t3, 2, 3, 6, 7);
}

#undef AISP_FOUR

}  // namespace aisp::kernels::simd
