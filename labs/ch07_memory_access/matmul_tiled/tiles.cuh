// The product through tiles of shared memory: each element of A and B that a block needs comes from
// global memory once for 32 uses. The techniques differ in how many elements of C a thread keeps.
// Source: CUDA C++ Programming Guide, 3.2.4 (matrix multiplication with shared memory); kRows > 1:
// V. Volkov and J. Demmel, "Benchmarking GPUs to Tune Dense Linear Algebra", SC 2008.
#pragma once

#include "labs/ch07_memory_access/matmul_tiled/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::matmul_tiled {

inline constexpr int kSide = 32;

/// A block of 32 x (32 / kRows) threads computes 32 x 32 of C, each thread kRows rows of a column.
template <int kRows>
__global__ void __launch_bounds__(kSide* kSide / kRows)
    multiply_tiles(const float* a, const float* b, float* c, int m, int n, int k) {
  constexpr int kDown = kSide / kRows;  // threads along a column
  __shared__ float a_tile[kSide][kSide], b_tile[kSide][kSide];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int column = static_cast<int>(blockIdx.x) * kSide + x;
  const int top = static_cast<int>(blockIdx.y) * kSide;
  float sum[kRows] = {};
  for (int at = 0; at < k; at += kSide) {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int down = y + i * kDown;
      a_tile[down][x] = top + down < m && at + x < k ? a[(top + down) * k + at + x] : 0.0F;
      b_tile[down][x] = at + down < k && column < n ? b[(at + down) * n + column] : 0.0F;
    }
    __syncthreads();
#pragma unroll
    for (int q = 0; q < kSide; ++q) {
#pragma unroll
      for (int i = 0; i < kRows; ++i) sum[i] += a_tile[y + i * kDown][q] * b_tile[q][x];
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int row = top + y + i * kDown;
    if (row < m && column < n) c[row * n + column] = sum[i];
  }
}

template <int kRows>
std::unique_ptr<bench::Plan> plan_tiles(const bench::Params& p) {
  return bench::plan_of([m = static_cast<int>(p["M"]), n = static_cast<int>(p["N"]),
                         k = static_cast<int>(p["K"])](const bench::Io& io) {
    const dim3 blocks((n + kSide - 1) / kSide, (m + kSide - 1) / kSide);
    multiply_tiles<kRows><<<blocks, dim3(kSide, kSide / kRows), 0, io.stream()>>>(
        io.in<float>(kA).data(), io.in<float>(kB).data(), io.out<float>(kC).data(), m, n, k);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::matmul_tiled
