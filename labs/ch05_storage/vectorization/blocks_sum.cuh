// What the sums on the GPU share: adding up a block's values.
#pragma once

#include <cstdint>

#include "labs/ch05_storage/vectorization/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch05::vectorization {

inline constexpr int kThreads = 256;

/// The sum over the block, in thread 0. A warp's 32 by shuffles, then the eight warps' in order.
__device__ inline float block_sum(float value) {
  __shared__ float warps[kThreads / 32];
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(~0U, value, step);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < kThreads / 32; ++warp) value += warps[warp];
  }
  return value;
}

}  // namespace aisp::labs::ch05::vectorization
