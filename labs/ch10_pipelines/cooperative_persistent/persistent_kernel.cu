// One cooperative kernel for all passes. Each block keeps its rows of exp(x) in shared memory; a
// pass is a sweep over them and one barrier of the grid: column sums of all blocks go to memory,
// and every block adds all of them up again (132 x 64 numbers from L2) rather than wait for one to
// do it. Two sets of sums in turn, so that one barrier is enough.
#include <cooperative_groups.h>

#include <algorithm>

#include "base/error.h"
#include "labs/ch10_pipelines/cooperative_persistent/pass_kernels.cuh"

namespace aisp::labs::ch10::cooperative_persistent {
namespace {

constexpr int kMaxExperts = 256;
constexpr int kWarps = kThreads / 32;

/// d1[e] from the sums of all blocks; a group of threads a column. All threads.
__device__ void finish_columns(const float* sums, float* d1, float* scratch, Matrix s) {
  const int columns = min(s.experts, kThreads);
  const int groups = kThreads / columns, e = threadIdx.x % columns, group = threadIdx.x / columns;
  float sum = 0.0F;
  if (group < groups) {
    for (int block = group; block < static_cast<int>(gridDim.x); block += groups) {
      sum += __ldcg(&sums[block * s.experts + e]);  // other blocks wrote them: not from L1
    }
    scratch[threadIdx.x] = sum;
  }
  __syncthreads();
  if (group == 0) {
    for (int other = 1; other < groups; ++other) sum += scratch[other * columns + e];
    d1[e] = 1.0F / (static_cast<float>(s.experts) * (sum + kEpsilon));
  }
  __syncthreads();
}

__global__ void __launch_bounds__(kThreads)
    sinkhorn_kernel(const float* x, float* out, float* sums, Matrix s, int passes, int rows) {
  extern __shared__ float shared[];  // cost[rows][experts], d0[rows], columns[kWarps][experts]
  __shared__ float d1[kMaxExperts], scratch[kThreads];
  float* const cost = shared;
  float* const d0 = cost + rows * s.experts;
  float* const columns = d0 + rows;
  const auto grid = cooperative_groups::this_grid();
  const int first = static_cast<int>(blockIdx.x) * rows;
  const int mine = max(0, min(rows, s.tokens - first)), warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  for (int i = threadIdx.x; i < mine * s.experts; i += kThreads) {
    cost[i] = expf(x[first * s.experts + i]);
  }
  for (int e = threadIdx.x; e < s.experts; e += kThreads) d1[e] = 1.0F;
  __syncthreads();
  for (int pass = 0; pass < passes; ++pass) {
    float column[kMaxExperts / 32] = {};  // this lane's columns, summed over this warp's rows
    for (int row = warp; row < mine; row += kWarps) {
      float value[kMaxExperts / 32], sum = 0.0F;
#pragma unroll
      for (int j = 0; j < kMaxExperts / 32; ++j) {
        const int e = lane + 32 * j;
        value[j] = e < s.experts ? cost[row * s.experts + e] : 0.0F;
        if (e < s.experts) sum += d1[e] * value[j];
      }
      for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
      const float scale = 1.0F / (static_cast<float>(s.tokens) * (sum + kEpsilon));
      if (lane == 0) d0[row] = scale;
#pragma unroll
      for (int j = 0; j < kMaxExperts / 32; ++j) column[j] += scale * value[j];
    }
#pragma unroll
    for (int j = 0; j < kMaxExperts / 32; ++j) {
      if (lane + 32 * j < s.experts) columns[warp * s.experts + lane + 32 * j] = column[j];
    }
    __syncthreads();
    float* const turn = sums + (pass % 2) * static_cast<int>(gridDim.x) * s.experts;
    for (int e = threadIdx.x; e < s.experts; e += kThreads) {
      float sum = 0.0F;
      for (int w = 0; w < kWarps; ++w) sum += columns[w * s.experts + e];
      turn[blockIdx.x * s.experts + e] = sum;
    }
    grid.sync();
    finish_columns(turn, d1, scratch, s);
  }
  for (int i = threadIdx.x; i < mine * s.experts; i += kThreads) {
    out[first * s.experts + i] = d1[i % s.experts] * cost[i] * d0[i / s.experts];
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_persistent_kernel(const bench::Params& params) {
  const Matrix s = {static_cast<int>(params["tokens"]), static_cast<int>(params["experts"])};
  const int blocks = std::min(s.tokens, machine::cuda_device().multiprocessors);
  const int rows = (s.tokens + blocks - 1) / blocks;
  const auto bytes =
      static_cast<int>(sizeof(float)) * (rows * (s.experts + 1) + kWarps * s.experts);
  if (s.experts > kMaxExperts ||
      static_cast<std::size_t>(bytes) + 4096 > machine::cuda_device().shared_bytes_per_block) {
    throw Error("the matrix does not fit in shared memory", "persistent_kernel",
                "fewer tokens or experts");
  }
  AISP_CUDA(
      cudaFuncSetAttribute(sinkhorn_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  machine::DeviceArray sums(2UL * 4UL * static_cast<std::size_t>(blocks * s.experts));
  return bench::plan_of([s, blocks, rows, bytes, sums = std::move(sums),
                         passes = static_cast<int>(params["passes"])](const bench::Io& io) {
    const float* x = io.in<float>(0).data();
    float *out = io.out<float>(0).data(), *scratch = sums.as<float>();
    Matrix matrix = s;
    int count = passes, each = rows;
    void* arguments[] = {&x, &out, &scratch, &matrix, &count, &each};
    AISP_CUDA(cudaLaunchCooperativeKernel(reinterpret_cast<void*>(sinkhorn_kernel), dim3(blocks),
                                          dim3(kThreads), arguments,
                                          static_cast<std::size_t>(bytes), io.stream()));
  });
}

}  // namespace aisp::labs::ch10::cooperative_persistent
