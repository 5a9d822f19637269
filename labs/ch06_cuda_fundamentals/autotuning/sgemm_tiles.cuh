// A product in f32 by tiles: a block keeps rows x columns of C in its threads' registers and walks
// along K; tiles of A (turned) and B pass through shared memory while the next ones are on their
// way to registers. Blocks of one tile share K between them when it is split.
// Source: A. Kerr et al., "CUTLASS: Fast Linear Algebra in CUDA C++", NVIDIA 2017.
#pragma once

#include <cstdint>

namespace aisp::labs::ch06::autotuning {

/// c: [splits][m][n], split z sums k in [z * k_each, (z + 1) * k_each); k_each a multiple of
/// kDepth, except that what lies beyond k is zero.
struct Product {
  const float* a = nullptr;  // [m][k]
  const float* b = nullptr;  // [k][n]
  float* c = nullptr;
  int m = 0, n = 0, k = 0, k_each = 0;  // each matrix has less than 2^31 elements
};

template <int kRows, int kColumns, int kDepth, int kRowsEach, int kColumnsEach>
__global__ void __launch_bounds__(kRows / kRowsEach * (kColumns / kColumnsEach))
    multiply_tiles(Product p) {
  constexpr int kAcross = kColumns / kColumnsEach;  // threads along a row of C
  constexpr int kThreads = kRows / kRowsEach * kAcross;
  constexpr int kLoadsA = kRows * kDepth / kThreads, kLoadsB = kColumns * kDepth / kThreads;
  static_assert(kLoadsA * kThreads == kRows * kDepth && kLoadsB * kThreads == kColumns * kDepth);
  // Four floats of padding keep rows 16-byte aligned and spread the turned stores over the banks.
  __shared__ __align__(16) float a_tile[kDepth][kRows + 4];
  __shared__ __align__(16) float b_tile[kDepth][kColumns];
  const int thread = static_cast<int>(threadIdx.x);
  const int across = thread % kAcross, down = thread / kAcross;
  const int top = static_cast<int>(blockIdx.y) * kRows;
  const int left = static_cast<int>(blockIdx.x) * kColumns;
  const int begin = static_cast<int>(blockIdx.z) * p.k_each, end = min(begin + p.k_each, p.k);

  float a_next[kLoadsA], b_next[kLoadsB];
  const auto load = [&](int at) {
#pragma unroll
    for (int i = 0; i < kLoadsA; ++i) {
      const int one = thread + i * kThreads;
      const int row = top + one / kDepth, q = at + one % kDepth;
      a_next[i] = row < p.m && q < end ? p.a[row * p.k + q] : 0.0F;
    }
#pragma unroll
    for (int i = 0; i < kLoadsB; ++i) {
      const int one = thread + i * kThreads;
      const int q = at + one / kColumns, column = left + one % kColumns;
      b_next[i] = q < end && column < p.n ? p.b[q * p.n + column] : 0.0F;
    }
  };
  float sum[kRowsEach][kColumnsEach] = {};
  load(begin);
  for (int at = begin; at < end; at += kDepth) {
#pragma unroll
    for (int i = 0; i < kLoadsA; ++i) {
      const int one = thread + i * kThreads;
      a_tile[one % kDepth][one / kDepth] = a_next[i];
    }
#pragma unroll
    for (int i = 0; i < kLoadsB; ++i) {
      const int one = thread + i * kThreads;
      b_tile[one / kColumns][one % kColumns] = b_next[i];
    }
    __syncthreads();
    if (at + kDepth < end) load(at + kDepth);
#pragma unroll
    for (int q = 0; q < kDepth; ++q) {
      // Groups of four: a thread's rows are down * 4 + {0..3}, and the same half a tile further.
      float a[kRowsEach], b[kColumnsEach];
#pragma unroll
      for (int i = 0; i < kRowsEach; i += 4) {
        const int row = i / 4 * (kRows / (kRowsEach / 4)) + down * 4;
        *reinterpret_cast<float4*>(&a[i]) = *reinterpret_cast<const float4*>(&a_tile[q][row]);
      }
#pragma unroll
      for (int j = 0; j < kColumnsEach; j += 4) {
        const int column = j / 4 * (kColumns / (kColumnsEach / 4)) + across * 4;
        *reinterpret_cast<float4*>(&b[j]) = *reinterpret_cast<const float4*>(&b_tile[q][column]);
      }
#pragma unroll
      for (int i = 0; i < kRowsEach; ++i) {
#pragma unroll
        for (int j = 0; j < kColumnsEach; ++j) sum[i][j] += a[i] * b[j];
      }
    }
    __syncthreads();
  }
  float* c = p.c + std::int64_t{blockIdx.z} * p.m * p.n;
#pragma unroll
  for (int i = 0; i < kRowsEach; ++i) {
    const int row = top + i / 4 * (kRows / (kRowsEach / 4)) + down * 4 + i % 4;
#pragma unroll
    for (int j = 0; j < kColumnsEach; ++j) {
      const int column = left + j / 4 * (kColumns / (kColumnsEach / 4)) + across * 4 + j % 4;
      if (row < p.m && column < p.n) c[row * p.n + column] = sum[i][j];
    }
  }
}

/// c[i] = sum over splits of partial[split][i], in order.
static __global__ void add_splits(const float* partial, float* c, std::int64_t count, int splits) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= count) return;
  float sum = 0.0F;
  for (int split = 0; split < splits; ++split) sum += partial[split * count + i];
  c[i] = sum;
}

}  // namespace aisp::labs::ch06::autotuning
