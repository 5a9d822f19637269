// The upper halves of the vector registers. A function that uses 256- or 512-bit registers and
// returns without vzeroupper leaves them "dirty", and SSE code that runs later must merge with
// them: measured on Zen 4, a plain SSE dot-product loop then runs at a quarter of its speed (51 us
// instead of 13) until somebody clears them. g++ 12 forgets the instruction where a non-inlined
// helper takes a vector argument. Techniques must not do this to the ones that run after them.
// Source: Intel SDM volume 1, section 13.2 (XGETBV with ECX = 1 reads XINUSE; bit 2 is AVX state).
#pragma once

#include "base/simd_target.h"
#if AISP_X86
#include <cpuid.h>
#endif

namespace aisp::machine {

#if AISP_X86
namespace vector_state {
inline bool has_xinuse() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & (1u << 27)) == 0) return false;  // OSXSAVE
  return __get_cpuid_count(13, 1, &a, &b, &c, &d) != 0 && (a & (1u << 2)) != 0;
}
}  // namespace vector_state
#endif

/// True when the calling thread's upper vector halves are dirty. False where that cannot be read.
inline bool upper_halves_dirty() {
#if AISP_X86
  static const bool readable = vector_state::has_xinuse();
  if (!readable) return false;
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  return (low & (1u << 2)) != 0;
#else
  return false;
#endif
}

/// Clears them. Requires AVX; a handful of cycles.
inline void clear_upper_halves() {
#if AISP_X86
  asm volatile("vzeroupper" ::: "memory");
#endif
}

}  // namespace aisp::machine
