// The warp-wide matrix instruction, its loads from shared memory, and asynchronous copies by
// threads: what every architecture from sm_80 has.
//
// Source: PTX ISA 9.0, 9.7.14.5 (mma, ldmatrix), 9.7.9.25 (cp.async).
#pragma once

#include <cstdint>

#include "kernels/cuda/mbarrier.cuh"

namespace aisp::kernels::cuda {

/// Four 8x8 matrices of 16-bit elements; lane i gives the address of a 16-byte row (lanes 0-7 the
/// first matrix's, ...). Lane l gets elements (l / 4, 2 (l % 4) + {0, 1}) of each.
__device__ inline void load_matrix_x4(std::uint32_t (&to)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(address)
               : "memory");
}
__device__ inline void load_matrix_x4_transposed(std::uint32_t (&to)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(address)
               : "memory");
}

/// d[16x8] += a[16x16] b[16x8], f32 += bf16 x bf16. a: rows l/4 and l/4+8, columns 2(l%4)+{0,1} and
/// 8 more; b: rows 2(l%4)+{0,1} and 8 more, column l/4; d: rows l/4, l/4+8, columns 2(l%4)+{0,1}.
__device__ inline void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7},"
      " {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// The same, f32 += f16 x f16.
__device__ inline void mma_f16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                               std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7},"
      " {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// 16 bytes of global memory to shared memory, past the first-level cache; `bytes` < 16 fills the
/// rest with zeros (0 reads nothing). Both 16-byte aligned.
__device__ inline void copy_async_16(std::uint32_t to, const void* from, int bytes = 16) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to),
               "l"(__cvta_generic_to_global(from)), "r"(bytes)
               : "memory");
}
__device__ inline void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Leaves at most kGroups of this thread's groups unfinished; then __syncthreads().
template <int kGroups>
__device__ inline void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
}

}  // namespace aisp::kernels::cuda
