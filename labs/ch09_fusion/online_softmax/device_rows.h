// For .cu files: what the softmax kernels share. A group of threads works on a row; `Group` says
// who they are: a block (through shared memory) or a warp.
#pragma once

#include <cmath>
#include <memory>

#include "bench/lab.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch09::online_softmax {

constexpr float kNothing = -HUGE_VALF;  // the maximum of no elements

/// The largest element of a part of a row, and the sum of e^(x - max) over it.
struct MaxAndSum {
  float max = kNothing, sum = 0.0f;

  /// The online step: an exponential of one element, or of the rise of the maximum. A masked
  /// element (-inf) adds nothing; NaN stays.
  __device__ void add(float x) {
    if (x > max) {
      sum = sum * expf(max - x) + 1.0f;
      max = x;
    } else if (x != kNothing) {
      sum += expf(x - max);
    }
  }
  __device__ void add(const MaxAndSum& other) {
    const float larger = fmaxf(max, other.max);
    if (larger == kNothing) {
      sum += other.sum;  // 0, or NaN
    } else {
      sum = sum * expf(max - larger) + other.sum * expf(other.max - larger);
    }
    max = larger;
  }
  static __device__ MaxAndSum from_lane(const MaxAndSum& mine, int mask) {
    return {__shfl_xor_sync(~0u, mine.max, mask), __shfl_xor_sync(~0u, mine.sum, mask)};
  }
};

/// Over the 32 lanes; every lane gets the result.
inline __device__ MaxAndSum over_warp(MaxAndSum mine) {
  for (int mask = 16; mask > 0; mask /= 2) mine.add(MaxAndSum::from_lane(mine, mask));
  return mine;
}
/// Over a block of at most 32 warps; every thread gets the result.
inline __device__ MaxAndSum over_block(MaxAndSum mine) {
  __shared__ MaxAndSum of_warps[32];
  mine = over_warp(mine);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (lane == 0) of_warps[warp] = mine;
  __syncthreads();
  return over_warp(lane < static_cast<int>(blockDim.x) / 32 ? of_warps[lane] : MaxAndSum{});
}

using RowsKernel = void (*)(const float* x, float* y, std::int64_t rows, std::int64_t n);

/// A plan that launches the kernel with `rows_each` rows a block of `threads`.
inline std::unique_ptr<bench::Plan> plan_row_kernel(const bench::Params& p, RowsKernel kernel,
                                                    int threads, int rows_each) {
  const std::int64_t rows = p["rows"], n = p["n"];
  return bench::plan_of([=](const bench::Io& io) {
    kernel<<<static_cast<unsigned>((rows + rows_each - 1) / rows_each), threads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.out<float>(0).data(), rows, n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch09::online_softmax
