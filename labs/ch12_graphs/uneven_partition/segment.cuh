// The body that every technique runs: one block scales one segment.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "labs/ch12_graphs/uneven_partition/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device.h"

namespace aisp::labs::ch12::uneven_partition {

inline constexpr int kThreads = 256;

struct Segments {
  const float* x = nullptr;
  const std::int32_t* offsets = nullptr;
  float* y = nullptr;
  std::int32_t count = 0;
};

inline Segments segments_of(const bench::Params& params, const bench::Io& io) {
  return {io.in<float>(0).data(), io.in<std::int32_t>(1).data(), io.out<float>(0).data(),
          static_cast<std::int32_t>(params["segments"])};
}

/// y[0, n) from x[0, n), by a block of kThreads threads. Four sums a thread keep four loads in
/// flight; the second pass reads x from a cache unless the segment is long.
__device__ inline void scale_segment(const float* x, float* y, std::int32_t n) {
  __shared__ float partial[kThreads / 32];
  float sum[4] = {0.0F, 0.0F, 0.0F, 0.0F};
  for (std::int32_t i = threadIdx.x; i < n; i += 4 * kThreads) {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const float value = i + k * kThreads < n ? x[i + k * kThreads] : 0.0F;
      sum[k] += value * value;
    }
  }
  float all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (int step = 16; step > 0; step /= 2) all += __shfl_xor_sync(~0u, all, step);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = all;
  __syncthreads();
  all = partial[threadIdx.x % (kThreads / 32)];
  for (int step = kThreads / 64; step > 0; step /= 2) all += __shfl_xor_sync(~0u, all, step);
  const float root = sqrtf(all / static_cast<float>(n) + kEpsilon);
  for (std::int32_t i = threadIdx.x; i < n; i += 4 * kThreads) {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      if (i + k * kThreads < n) y[i + k * kThreads] = x[i + k * kThreads] / root;
    }
  }
}

__device__ inline void scale_segment(const Segments& all, std::int32_t segment) {
  const std::int32_t first = all.offsets[segment];
  scale_segment(all.x + first, all.y + first, all.offsets[segment + 1] - first);
}

/// As many blocks of `kernel` as the device holds at once.
template <class Kernel>
unsigned resident_blocks(Kernel kernel) {
  int per_multiprocessor = 0;
  AISP_CUDA(
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_multiprocessor, kernel, kThreads, 0));
  return static_cast<unsigned>(per_multiprocessor * machine::cuda_device().multiprocessors);
}

}  // namespace aisp::labs::ch12::uneven_partition
