// What the techniques share: which blocks take which part of a row, and the sum of a block.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/cuda/cluster.cuh"
#include "labs/ch10_pipelines/cluster_group/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device.h"

namespace aisp::labs::ch10::cluster_group {

inline constexpr int kThreads = 256;
inline constexpr int kCluster = 8;  // blocks: the largest portable size

struct Rows {
  const float* x = nullptr;
  float* out = nullptr;
  std::int64_t n = 0;
};
inline Rows rows_of(const bench::Params& params, const bench::Io& io) {
  return {io.in<float>(0).data(), io.out<float>(0).data(), params["n"]};
}

/// Blocks along x share a row, y is the row: eight blocks a multiprocessor in all, whole clusters,
/// and at least 4096 elements for each block.
inline dim3 grid_of(const bench::Params& params) {
  const auto rows = params["rows"];
  const std::int64_t wanted = 8 * machine::cuda_device().multiprocessors / rows;
  const std::int64_t most = (params["n"] + 4095) / 4096;
  const std::int64_t blocks = std::max<std::int64_t>(1, std::min(wanted, most));
  return dim3(static_cast<unsigned>((blocks + kCluster - 1) / kCluster * kCluster),
              static_cast<unsigned>(rows));
}

/// The sum over the first kThreads threads, in thread 0. All threads of the block call it.
__device__ inline float over_block(float sum) {
  __shared__ float partial[kThreads / 32];
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
  if (threadIdx.x < kThreads && threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x >= kThreads / 32) return 0.0F;
  sum = partial[threadIdx.x];
  for (int step = kThreads / 64; step > 0; step /= 2) {
    sum += __shfl_xor_sync((1U << (kThreads / 32)) - 1, sum, step);
  }
  return sum;
}

/// The sum of squares that falls to this block, in thread 0. Rows whose length is a multiple of 4
/// begin aligned and are read 16 bytes at a time, four accesses in flight.
__device__ inline float block_squares(const Rows& rows) {
  const float* x = rows.x + blockIdx.y * rows.n;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  float sum = 0.0F;
  if (rows.n % 4 == 0) {
    const auto* four = reinterpret_cast<const float4*>(x);
#pragma unroll 4
    for (std::int64_t i = first; i < rows.n / 4; i += stride) {
      const float4 v = four[i];
      sum += (v.x * v.x + v.y * v.y) + (v.z * v.z + v.w * v.w);
    }
  } else {
    for (std::int64_t i = first; i < rows.n; i += stride) sum += x[i] * x[i];
  }
  return over_block(sum);
}

/// A cluster's sums, of thread 0 of each block, to its first block's shared memory, and from there
/// with one atomic to the row. The cluster's blocks have arrived once before (cluster_arrive).
__device__ inline void add_through_dsmem(const Rows& rows, float (&sums)[kCluster], float sum) {
  __syncwarp();
  kernels::cuda::cluster_wait();
  const auto rank = kernels::cuda::cluster_rank();
  if (threadIdx.x == 0) *kernels::cuda::of_block(&sums[rank], 0) = sum;
  __syncwarp();
  kernels::cuda::cluster_sync();
  if (rank != 0 || threadIdx.x != 0) return;
  float all = 0.0F;
  for (int block = 0; block < kCluster; ++block) all += sums[block];
  atomicAdd(&rows.out[blockIdx.y], all);
}

inline void clear(const bench::Io& io) {
  AISP_CUDA(
      cudaMemsetAsync(io.out<float>(0).data(), 0, io.out<float>(0).size_bytes(), io.stream()));
}

}  // namespace aisp::labs::ch10::cluster_group
