// C[M,N] = A[M,K] B without tensor cores: tiles of 128 x 128 in shared memory, 8 x 8 sums in each
// of 256 threads' registers, f32 multiply-adds whatever the type of the inputs. What a matrix
// product reaches on the plain pipes, and the baseline of labs about the others. Any architecture,
// any size.
//
// Source: CUTLASS 2, "efficient GEMM in CUDA"; S. Boehm, "How to Optimize a CUDA Matmul Kernel".
#pragma once

#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include "base/dtype.h"
#include "machine/cuda_raii.h"
#include "machine/device.h"

namespace aisp::kernels::cuda {

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(f16 x) { return __half2float(__ushort_as_half(x.bits)); }
/// e4m3: kU8 holds its bits.
__device__ inline float to_float(std::uint8_t x) {
  return __half2float(__half(__nv_cvt_fp8_to_halfraw(x, __NV_E4M3)));
}
__device__ inline void from_float(float* to, float x) { *to = x; }
__device__ inline void from_float(f16* to, float x) {
  to->bits = __half_as_ushort(__float2half_rn(x));
}
__device__ inline void from_float(bf16* to, float x) {
  const std::uint32_t bits = __float_as_uint(x);
  to->bits = static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}

/// Eight neighbours of one row of a matrix that end at `last`; what lies beyond is 0.
template <class In>
__device__ inline void load_eight(const In* row, std::int64_t from, std::int64_t last, bool aligned,
                                  float (&to)[8]) {
  if (aligned && from + 8 <= last) {
    struct alignas(sizeof(In) * 8 < 16 ? sizeof(In) * 8 : 16) Eight {
      In at[8];
    };
    const Eight eight = *reinterpret_cast<const Eight*>(row + from);
#pragma unroll
    for (int i = 0; i < 8; ++i) to[i] = to_float(eight.at[i]);
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) to[i] = from + i < last ? to_float(row[from + i]) : 0.0F;
  }
}

/// kRowsB: B is stored [K,N], else [N,K].
template <class In, class Out, bool kRowsB>
__global__ void __launch_bounds__(256, 2)
    simt_tiles(const In* __restrict__ a, const In* __restrict__ b, Out* __restrict__ c,
               std::int64_t m, std::int64_t n, std::int64_t k, bool aligned_k, bool aligned_n) {
  constexpr int kTile = 128, kDepth = 16;
  constexpr int kRow = kTile + 4;  // transposing stores of 8 k meet two banks, not one
  __shared__ alignas(16) float a_tile[kDepth][kRow], b_tile[kDepth][kRow];
  const std::int64_t row = std::int64_t{blockIdx.y} * kTile,
                     column = std::int64_t{blockIdx.x} * kTile;
  const int t = threadIdx.x;
  const int line = t / 2, line_k = t % 2 * 8;    // of a tile whose rows run along K
  const int wide_k = t / 16, wide = t % 16 * 8;  // of one whose rows run along N
  float next_a[8], next_b[8];
  const auto fetch = [&](std::int64_t from) {
    load_eight(a + (row + line) * k, from + line_k, row + line < m ? k : 0, aligned_k, next_a);
    if constexpr (kRowsB) {
      load_eight(b + (from + wide_k) * n, column + wide, from + wide_k < k ? n : 0, aligned_n,
                 next_b);
    } else {
      load_eight(b + (column + line) * k, from + line_k, column + line < n ? k : 0, aligned_k,
                 next_b);
    }
  };
  fetch(0);
  float sum[8][8] = {};
  const int y = t / 16 * 4, x = t % 16 * 4;  // and 64 further: 16-byte reads without conflicts
  for (std::int64_t from = 0; from < k; from += kDepth) {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      a_tile[line_k + i][line] = next_a[i];
      if constexpr (kRowsB) {
        b_tile[wide_k][wide + i] = next_b[i];
      } else {
        b_tile[line_k + i][line] = next_b[i];
      }
    }
    __syncthreads();
    if (from + kDepth < k) fetch(from + kDepth);  // on its way while this slice is multiplied
#pragma unroll
    for (int q = 0; q < kDepth; ++q) {
      float of_a[8], of_b[8];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        *reinterpret_cast<float4*>(of_a + 4 * half) =
            *reinterpret_cast<const float4*>(&a_tile[q][y + 64 * half]);
        *reinterpret_cast<float4*>(of_b + 4 * half) =
            *reinterpret_cast<const float4*>(&b_tile[q][x + 64 * half]);
      }
#pragma unroll
      for (int i = 0; i < 8; ++i) {
#pragma unroll
        for (int j = 0; j < 8; ++j) sum[i][j] += of_a[i] * of_b[j];
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const std::int64_t r = row + y + i % 4 + i / 4 * 64;
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const std::int64_t q = column + x + j % 4 + j / 4 * 64;
      if (r < m && q < n) from_float(c + r * n + q, sum[i][j]);
    }
  }
}

/// Enqueues the product; pointers 16-byte aligned.
template <bool kRowsB, class In, class Out>
void launch_simt_tiles(const In* a, const In* b, Out* c, std::int64_t m, std::int64_t n,
                       std::int64_t k, machine::CudaStream stream) {
  const dim3 blocks(static_cast<unsigned>((n + 127) / 128), static_cast<unsigned>((m + 127) / 128));
  simt_tiles<In, Out, kRowsB><<<blocks, 256, 0, stream>>>(a, b, c, m, n, k, k % 8 == 0, n % 8 == 0);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::kernels::cuda
