// The check and the update of one step, and the state of a call that kernels in a graph read: since
// it lies in device memory and is written by every call, a replay never uses a stale pointer.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "labs/ch12_graphs/cuda_graphs_conditional/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device.h"

namespace aisp::labs::ch12::cuda_graphs_conditional {

inline constexpr int kThreads = 256;

/// One call's buffers, and how far it is.
struct Call {
  const float* gradients = nullptr;
  float* parameters = nullptr;
  std::int64_t n = 0;
  int steps = 0;
  int step = 0;      // used by the loop node alone
  int overflow = 0;  // of the step at hand
};

inline Call call_of(const bench::Params& params, const bench::Io& io) {
  return {io.in<float>(1).data(), io.out<float>(0).data(), params["n"],
          static_cast<int>(params["steps"])};
}

/// Enough blocks to keep every multiprocessor busy, not more than there is work for.
inline unsigned grid_of(std::int64_t n) {
  const std::int64_t needed = (n + 4 * kThreads - 1) / (4 * kThreads);
  return static_cast<unsigned>(
      std::min<std::int64_t>(needed, 8 * machine::cuda_device().multiprocessors));
}

/// Sets *overflow (zero before) when an element of g[n] is beyond f16.
__device__ inline void check_step(const float* g, std::int64_t n, int* overflow) {
  bool any = false;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += stride) {
    any = any || fabsf(g[i]) > kLargest;
  }
  if (__any_sync(~0u, any) && threadIdx.x % 32 == 0) *overflow = 1;  // all write the same
}

__device__ inline void apply_step(const float* g, float* p, std::int64_t n) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += stride) {
    p[i] -= kRate * g[i];
  }
}

static __global__ void check_kernel(const float* g, std::int64_t n, int* overflow) {
  check_step(g, n, overflow);
}
static __global__ void apply_kernel(const float* g, float* p, std::int64_t n) {
  apply_step(g, p, n);
}
static __global__ void begin_call_kernel(Call call, Call* state) { *state = call; }

/// p = p0, before the first step.
inline void copy_parameters(const bench::Io& io) {
  AISP_CUDA(cudaMemcpyAsync(io.out<float>(0).data(), io.in<float>(0).data(),
                            io.in<float>(0).size_bytes(), cudaMemcpyDeviceToDevice, io.stream()));
}

}  // namespace aisp::labs::ch12::cuda_graphs_conditional
