// For .cu files: the sum over a block, which every kernel here needs.
#pragma once

#include "machine/cuda_raii.h"

namespace aisp::labs::ch09::memory_bound {

/// Over a block of at most 32 warps; every thread gets it, and may call again.
inline __device__ float sum_over_block(float mine) {
  __shared__ float of_warps[32];
  for (int mask = 16; mask > 0; mask /= 2) mine += __shfl_xor_sync(~0u, mine, mask);
  __syncthreads();  // the result before this one has been read
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = mine;
  __syncthreads();
  float sum = threadIdx.x % 32 < blockDim.x / 32 ? of_warps[threadIdx.x % 32] : 0.0f;
  for (int mask = 16; mask > 0; mask /= 2) sum += __shfl_xor_sync(~0u, sum, mask);
  return sum;
}

}  // namespace aisp::labs::ch09::memory_bound
