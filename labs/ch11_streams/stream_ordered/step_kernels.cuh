// The two kernels of a step.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "labs/ch11_streams/stream_ordered/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch11::stream_ordered {

inline constexpr int kThreads = 256;

__device__ inline void square(const float* x, float* t, std::int64_t count) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) t[i] = x[i] * x[i];
}
__device__ inline void multiply(const float* t, float* y, std::int64_t count) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) y[i] = t[i] * t[count - 1 - i];
}

static __global__ void square_kernel(const float* x, float* t, std::int64_t count) {
  square(x, t, count);
}
static __global__ void multiply_kernel(const float* t, float* y, std::int64_t count) {
  multiply(t, y, count);
}

inline unsigned blocks_of(std::int64_t n) {
  return static_cast<unsigned>((n + kThreads - 1) / kThreads);
}

inline void run_step(const bench::Io& io, const Step& step, float* t) {
  const unsigned blocks = blocks_of(step.count);
  square_kernel<<<blocks, kThreads, 0, io.stream()>>>(io.in<float>(0).data() + step.begin, t,
                                                      step.count);
  AISP_CUDA(cudaGetLastError());
  multiply_kernel<<<blocks, kThreads, 0, io.stream()>>>(t, io.out<float>(0).data() + step.begin,
                                                        step.count);
  AISP_CUDA(cudaGetLastError());
}

inline std::size_t bytes_of(const Step& step) { return 4 * static_cast<std::size_t>(step.count); }

}  // namespace aisp::labs::ch11::stream_ordered
