// A pass as the kernels of an array library: each operation reads and writes the whole matrix.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "labs/ch10_pipelines/cooperative_persistent/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device.h"

namespace aisp::labs::ch10::cooperative_persistent {

inline constexpr int kThreads = 256;
inline constexpr int kRowsPerBlock = 64;  // of the column sums' first kernel

struct Matrix {
  int tokens = 0, experts = 0;
  __host__ __device__ int count() const { return tokens * experts; }
};

static __global__ void exp_kernel(const float* x, float* cost, int count) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (i < count) cost[i] = expf(x[i]);
}
static __global__ void ones_kernel(float* d, int count) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (i < count) d[i] = 1.0F;
}
/// t = cost * d1, or cost * d0 when by_row.
static __global__ void scale_kernel(const float* cost, const float* d, float* t, Matrix s,
                                    bool by_row) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (i < s.count()) t[i] = cost[i] * d[by_row ? i / s.experts : i % s.experts];
}
/// d0 from sums of t's rows; a warp a row.
static __global__ void row_kernel(const float* t, float* d0, Matrix s) {
  const int row = (blockIdx.x * kThreads + threadIdx.x) / 32;
  if (row >= s.tokens) return;
  float sum = 0.0F;
  for (int e = threadIdx.x % 32; e < s.experts; e += 32) sum += t[row * s.experts + e];
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
  if (threadIdx.x % 32 == 0) d0[row] = 1.0F / (static_cast<float>(s.tokens) * (sum + kEpsilon));
}
/// Sums of t's columns over kRowsPerBlock rows; a thread a column.
static __global__ void column_kernel(const float* t, float* partial, Matrix s) {
  const int e = threadIdx.x;
  if (e >= s.experts) return;
  const int first = blockIdx.x * kRowsPerBlock, last = min(first + kRowsPerBlock, s.tokens);
  float sum = 0.0F;
  for (int row = first; row < last; ++row) sum += t[row * s.experts + e];
  partial[blockIdx.x * s.experts + e] = sum;
}
static __global__ void finish_kernel(const float* partial, float* d1, Matrix s, int blocks) {
  const int e = threadIdx.x;
  if (e >= s.experts) return;
  float sum = 0.0F;
  for (int block = 0; block < blocks; ++block) sum += partial[block * s.experts + e];
  d1[e] = 1.0F / (static_cast<float>(s.experts) * (sum + kEpsilon));
}
static __global__ void out_kernel(const float* cost, const float* d0, const float* d1, float* out,
                                  Matrix s) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (i < s.count()) out[i] = d1[i % s.experts] * cost[i] * d0[i / s.experts];
}

/// All launches of a call and their scratch.
class Kernels {
 public:
  explicit Kernels(const bench::Params& p)
      : s_{static_cast<int>(p["tokens"]), static_cast<int>(p["experts"])},
        passes_(p["passes"]),
        blocks_((s_.tokens + kRowsPerBlock - 1) / kRowsPerBlock),
        cost_(floats(s_.count())),
        t_(floats(s_.count())),
        d0_(floats(s_.tokens)),
        d1_(floats(s_.experts)),
        partial_(floats(blocks_ * s_.experts)) {}

  void enqueue(const float* x, float* out, cudaStream_t stream) const {
    auto *cost = cost_.as<float>(), *t = t_.as<float>(), *partial = partial_.as<float>();
    auto *d0 = d0_.as<float>(), *d1 = d1_.as<float>();
    const int grid = blocks_of(s_.count()), warps = blocks_of(32 * s_.tokens);
    exp_kernel<<<grid, kThreads, 0, stream>>>(x, cost, s_.count());
    ones_kernel<<<1, kThreads, 0, stream>>>(d1, s_.experts);
    for (std::int64_t pass = 0; pass < passes_; ++pass) {
      scale_kernel<<<grid, kThreads, 0, stream>>>(cost, d1, t, s_, false);
      row_kernel<<<warps, kThreads, 0, stream>>>(t, d0, s_);
      scale_kernel<<<grid, kThreads, 0, stream>>>(cost, d0, t, s_, true);
      column_kernel<<<blocks_, kThreads, 0, stream>>>(t, partial, s_);
      finish_kernel<<<1, kThreads, 0, stream>>>(partial, d1, s_, blocks_);
      AISP_CUDA(cudaGetLastError());
    }
    out_kernel<<<grid, kThreads, 0, stream>>>(cost, d0, d1, out, s_);
    AISP_CUDA(cudaGetLastError());
  }

 private:
  static std::size_t floats(int count) { return 4 * static_cast<std::size_t>(count); }
  static int blocks_of(int count) { return (count + kThreads - 1) / kThreads; }

  Matrix s_;
  std::int64_t passes_;
  int blocks_;
  machine::DeviceArray cost_, t_, d0_, d1_, partial_;
};

}  // namespace aisp::labs::ch10::cooperative_persistent
