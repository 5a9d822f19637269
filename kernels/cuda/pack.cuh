// Pairs of floats to pairs of narrower numbers, and fragments of accumulators to shared memory.
//
// Source: PTX ISA 9.0, 9.7.9.21 (cvt), 9.7.14.5.16 (stmatrix).
#pragma once

#include <cstdint>

namespace aisp::kernels::cuda {

/// Two bf16, `low` in the low half; round to nearest even. sm_80.
__device__ inline std::uint32_t pack_bf16(float low, float high) {
  std::uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}
/// Two f16. sm_80.
__device__ inline std::uint32_t pack_f16(float low, float high) {
  std::uint32_t packed;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}
/// Two e4m3 (largest 448, no infinity), saturating; NaN stays NaN. sm_89.
__device__ inline std::uint16_t pack_e4m3(float low, float high) {
  std::uint16_t packed;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(packed) : "f"(high), "f"(low));
  return packed;
}
__device__ inline float bf16_low(std::uint32_t pair) { return __uint_as_float(pair << 16); }
__device__ inline float bf16_high(std::uint32_t pair) {
  return __uint_as_float(pair & 0xffff0000U);
}

/// Four 8x8 matrices of 16-bit elements from fragments to shared memory: lane i gives the address
/// of a row of 16 bytes (lanes 0-7 the first matrix's, 8-15 the second's, ...). sm_90.
__device__ inline void store_matrix_x4(std::uint32_t address, std::uint32_t a, std::uint32_t b,
                                       std::uint32_t c, std::uint32_t d) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address),
               "r"(a), "r"(b), "r"(c), "r"(d)
               : "memory");
}

}  // namespace aisp::kernels::cuda
