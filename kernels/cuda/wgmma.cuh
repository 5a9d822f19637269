// The warpgroup's matrix instruction (wgmma): d[64 x N] (+)= a[64 x K] b[K x N] with a in shared
// memory or registers, b in shared memory, d in 128 threads' registers, asynchronously. Only
// sm_90a: include from *_sm90.cu.
//
// d: thread t of the warpgroup (warp w = t / 32, lane l = t % 32) holds in d[4 j + 0..3] the
// elements (16 w + l / 4, 8 j + 2 (l % 4) + {0, 1}) and the same columns 8 rows further down. a in
// registers (bf16): a[0..3] as mma_bf16's in mma.cuh, rows offset by 16 w.
//
// Order: wgmma_fence(); wgmma_...() several times; wgmma_commit(); wgmma_wait<0>(); only then read
// d. Between fence and wait the compiler must not move d: keep it in registers by compile-time
// indices, or ptxas serialises the instructions (warning C7510).
//
// Source: PTX ISA 9.0, 9.7.15 (wgmma); CUTLASS 3, cute/arch/mma_sm90_gmma.hpp.
#pragma once

#include "kernels/cuda/mbarrier.cuh"

namespace aisp::kernels::cuda {

/// How the rows of an operand lie in shared memory: the swizzle of the tensor map that brought it.
/// The value is the width of the atom in bytes.
enum class Swizzle { kNone = 16, k32 = 32, k64 = 64, k128 = 128 };

/// The descriptor of an operand in shared memory. K-major (rows of K contiguous, one atom wide;
/// groups of 8 rows `stride_bytes` apart, 8 * atom when dense): `leading_bytes` is not used.
/// MN-major (transposed: rows of one atom along M or N, one row for each k): `leading_bytes`
/// between atoms along MN, `stride_bytes` between groups of 8 k. `data` on an atom group's boundary
/// (1024 bytes for k128), or inside its first row by a multiple of 16 bytes to step along K (32
/// bytes an instruction).
__device__ inline std::uint64_t matrix_descriptor(const void* data, Swizzle swizzle,
                                                  std::uint32_t stride_bytes,
                                                  std::uint32_t leading_bytes = 16) {
  const std::uint64_t kind = swizzle == Swizzle::k128  ? 1
                             : swizzle == Swizzle::k64 ? 2
                             : swizzle == Swizzle::k32 ? 3
                                                       : 0;
  return static_cast<std::uint64_t>((shared_address(data) & 0x3ffffU) >> 4) |
         static_cast<std::uint64_t>(leading_bytes >> 4) << 16 |
         static_cast<std::uint64_t>(stride_bytes >> 4) << 32 | kind << 62;
}
/// The descriptor `bytes` further on: cheaper than making another.
__device__ inline std::uint64_t descriptor_plus(std::uint64_t descriptor, std::uint32_t bytes) {
  return descriptor + (bytes >> 4);
}

/// Before the first wgmma, and after ordinary writes to d or to a in registers.
__device__ inline void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// Waits until at most kGroups committed groups are unfinished.
template <int kGroups>
__device__ inline void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kGroups) : "memory");
}
/// No access to d moves across this line.
template <int kCount>
__device__ inline void pin_registers(float (&d)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

// The lists of accumulators that the assembler wants spelled out, by sixteens.
#define AISP_R4 "%0, %1, %2, %3"
#define AISP_R8 AISP_R4 ", %4, %5, %6, %7"
#define AISP_R_0 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define AISP_R_1 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define AISP_R_2 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define AISP_R_3 "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define AISP_R_4 "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"
#define AISP_R_5 "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define AISP_R_6                                 \
  "%96, %97, %98, %99, %100, %101, %102, %103, " \
  "%104, %105, %106, %107, %108, %109, %110, %111"
#define AISP_R_7                                     \
  "%112, %113, %114, %115, %116, %117, %118, %119, " \
  "%120, %121, %122, %123, %124, %125, %126, %127"
#define AISP_R16 AISP_R_0
#define AISP_R32 AISP_R_0 ", " AISP_R_1
#define AISP_R48 AISP_R_0 ", " AISP_R_1 ", " AISP_R_2
#define AISP_R64 AISP_R_0 ", " AISP_R_1 ", " AISP_R_2 ", " AISP_R_3
#define AISP_R80 AISP_R_0 ", " AISP_R_1 ", " AISP_R_2 ", " AISP_R_3 ", " AISP_R_4
#define AISP_R96 AISP_R_0 ", " AISP_R_1 ", " AISP_R_2 ", " AISP_R_3 ", " AISP_R_4 ", " AISP_R_5
#define AISP_R128                                                                              \
  AISP_R_0 ", " AISP_R_1 ", " AISP_R_2 ", " AISP_R_3 ", " AISP_R_4 ", " AISP_R_5 ", " AISP_R_6 \
           ", " AISP_R_7
#define AISP_D4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define AISP_D8(i) AISP_D4(i), AISP_D4(i + 4)
#define AISP_D16(i) AISP_D8(i), AISP_D8(i + 8)
#define AISP_D32(i) AISP_D16(i), AISP_D16(i + 16)
#define AISP_D48(i) AISP_D32(i), AISP_D16(i + 32)
#define AISP_D64(i) AISP_D32(i), AISP_D32(i + 32)
#define AISP_D80(i) AISP_D64(i), AISP_D16(i + 64)
#define AISP_D96(i) AISP_D64(i), AISP_D32(i + 64)
#define AISP_D128(i) AISP_D64(i), AISP_D64(i + 64)
// N columns, R accumulators, then the numbers of the operands that follow them.
#define AISP_WGMMA_SHARED(TYPE, N, R, A, B, P, X, Y)                                          \
  if constexpr (kN == N)                                                                      \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #P                                        \
               ", 0;\n"                                                                       \
               "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE " {" AISP_R##R \
               "}, %" #A ", %" #B ", p, 1, 1, %" #X ", %" #Y ";\n}"                           \
               : AISP_D##R(0)                                                                 \
               : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)), "n"(kTransposeA),         \
                 "n"(kTransposeB))
#define AISP_WGMMA_REGISTERS(TYPE, N, R, A0, A1, A2, A3, B, P, Y)                             \
  if constexpr (kN == N)                                                                      \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #P                                        \
               ", 0;\n"                                                                       \
               "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE " {" AISP_R##R \
               "}, {%" #A0 ", %" #A1 ", %" #A2 ", %" #A3 "}, %" #B ", p, 1, 1, %" #Y ";\n}"   \
               : AISP_D##R(0)                                                                 \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b),                          \
                 "r"(static_cast<int>(accumulate)), "n"(kTransposeB))
#define AISP_WGMMA_E4M3(N, R, A, B, P)                                                \
  if constexpr (kN == N)                                                              \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #P                                \
               ", 0;\n"                                                               \
               "wgmma.mma_async.sync.aligned.m64n" #N "k32.f32.e4m3.e4m3 {" AISP_R##R \
               "}, %" #A ", %" #B ", p, 1, 1;\n}"                                     \
               : AISP_D##R(0)                                                         \
               : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)))

/// bf16, K = 16, both operands in shared memory; kTranspose...: MN-major. d = a b when !accumulate.
template <int kN, int kTransposeA = 0, int kTransposeB = 0>
__device__ inline void wgmma_bf16(float (&d)[kN / 2], std::uint64_t a, std::uint64_t b,
                                  bool accumulate) {
  static_assert(kN == 8 || kN == 16 || kN == 32 || kN == 64 || kN == 96 || kN == 128 || kN == 160 ||
                kN == 192 || kN == 256);
  AISP_WGMMA_SHARED("bf16", 8, 4, 4, 5, 6, 7, 8);
  AISP_WGMMA_SHARED("bf16", 16, 8, 8, 9, 10, 11, 12);
  AISP_WGMMA_SHARED("bf16", 32, 16, 16, 17, 18, 19, 20);
  AISP_WGMMA_SHARED("bf16", 64, 32, 32, 33, 34, 35, 36);
  AISP_WGMMA_SHARED("bf16", 96, 48, 48, 49, 50, 51, 52);
  AISP_WGMMA_SHARED("bf16", 128, 64, 64, 65, 66, 67, 68);
  AISP_WGMMA_SHARED("bf16", 160, 80, 80, 81, 82, 83, 84);
  AISP_WGMMA_SHARED("bf16", 192, 96, 96, 97, 98, 99, 100);
  AISP_WGMMA_SHARED("bf16", 256, 128, 128, 129, 130, 131, 132);
}
/// bf16, K = 16, a in registers.
template <int kN, int kTransposeB = 0>
__device__ inline void wgmma_bf16(float (&d)[kN / 2], const std::uint32_t (&a)[4], std::uint64_t b,
                                  bool accumulate) {
  static_assert(kN == 8 || kN == 16 || kN == 32 || kN == 64 || kN == 96 || kN == 128 || kN == 160 ||
                kN == 192 || kN == 256);
  AISP_WGMMA_REGISTERS("bf16", 8, 4, 4, 5, 6, 7, 8, 9, 10);
  AISP_WGMMA_REGISTERS("bf16", 16, 8, 8, 9, 10, 11, 12, 13, 14);
  AISP_WGMMA_REGISTERS("bf16", 32, 16, 16, 17, 18, 19, 20, 21, 22);
  AISP_WGMMA_REGISTERS("bf16", 64, 32, 32, 33, 34, 35, 36, 37, 38);
  AISP_WGMMA_REGISTERS("bf16", 96, 48, 48, 49, 50, 51, 52, 53, 54);
  AISP_WGMMA_REGISTERS("bf16", 128, 64, 64, 65, 66, 67, 68, 69, 70);
  AISP_WGMMA_REGISTERS("bf16", 160, 80, 80, 81, 82, 83, 84, 85, 86);
  AISP_WGMMA_REGISTERS("bf16", 192, 96, 96, 97, 98, 99, 100, 101, 102);
  AISP_WGMMA_REGISTERS("bf16", 256, 128, 128, 129, 130, 131, 132, 133, 134);
}
/// The same two for f16.
template <int kN, int kTransposeA = 0, int kTransposeB = 0>
__device__ inline void wgmma_f16(float (&d)[kN / 2], std::uint64_t a, std::uint64_t b,
                                 bool accumulate) {
  static_assert(kN == 64 || kN == 128);
  AISP_WGMMA_SHARED("f16", 64, 32, 32, 33, 34, 35, 36);
  AISP_WGMMA_SHARED("f16", 128, 64, 64, 65, 66, 67, 68);
}
template <int kN, int kTransposeB = 0>
__device__ inline void wgmma_f16(float (&d)[kN / 2], const std::uint32_t (&a)[4], std::uint64_t b,
                                 bool accumulate) {
  static_assert(kN == 64 || kN == 128);
  AISP_WGMMA_REGISTERS("f16", 64, 32, 32, 33, 34, 35, 36, 37, 38);
  AISP_WGMMA_REGISTERS("f16", 128, 64, 64, 65, 66, 67, 68, 69, 70);
}
/// e4m3, K = 32, both operands K-major in shared memory. The sum inside keeps about 14 bits: add
/// partial sums in f32 where that is too few.
template <int kN>
__device__ inline void wgmma_e4m3(float (&d)[kN / 2], std::uint64_t a, std::uint64_t b,
                                  bool accumulate) {
  static_assert(kN == 8 || kN == 16 || kN == 32 || kN == 64 || kN == 96 || kN == 128 || kN == 160 ||
                kN == 192 || kN == 256);
  AISP_WGMMA_E4M3(8, 4, 4, 5, 6);
  AISP_WGMMA_E4M3(16, 8, 8, 9, 10);
  AISP_WGMMA_E4M3(32, 16, 16, 17, 18);
  AISP_WGMMA_E4M3(64, 32, 32, 33, 34);
  AISP_WGMMA_E4M3(96, 48, 48, 49, 50);
  AISP_WGMMA_E4M3(128, 64, 64, 65, 66);
  AISP_WGMMA_E4M3(160, 80, 80, 81, 82);
  AISP_WGMMA_E4M3(192, 96, 96, 97, 98);
  AISP_WGMMA_E4M3(256, 128, 128, 129, 130);
}

/// tf32 (f32 whose low 13 bits are not read: a tensor map of MapElement::kTf32 rounds), K = 8, both
/// operands K-major in shared memory.
template <int kN>
__device__ inline void wgmma_tf32(float (&d)[kN / 2], std::uint64_t a, std::uint64_t b,
                                  bool accumulate) {
  static_assert(kN == 128);
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %66, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 {" AISP_R64 "}, %64, %65, p, 1, 1;\n}"
      : AISP_D64(0)
      : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)));
}

#undef AISP_WGMMA_SHARED
#undef AISP_WGMMA_REGISTERS
#undef AISP_WGMMA_E4M3
#undef AISP_R4
#undef AISP_D4
#undef AISP_R8
#undef AISP_D8
#undef AISP_R16
#undef AISP_D16
#undef AISP_R32
#undef AISP_D32
#undef AISP_R48
#undef AISP_D48
#undef AISP_R64
#undef AISP_D64
#undef AISP_R80
#undef AISP_D80
#undef AISP_R96
#undef AISP_D96
#undef AISP_R128
#undef AISP_D128
#undef AISP_R_0
#undef AISP_R_1
#undef AISP_R_2
#undef AISP_R_3
#undef AISP_R_4
#undef AISP_R_5
#undef AISP_R_6
#undef AISP_R_7

}  // namespace aisp::kernels::cuda
