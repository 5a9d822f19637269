// The operations of a step as GPU kernels, one launch each, and the launches in program order. All
// techniques on the GPU but one_kernel run these; they differ in how the launches reach the device.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "labs/ch12_graphs/kernel_launches/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch12::kernel_launches {

inline constexpr int kNormThreads =
    1024;  // a row of 576 to 4096 is one block's: 4 elements a thread
inline constexpr int kThreads = 256;

/// The sum over a block of kNormThreads threads, in every thread. `partial`: 32 floats; free again
/// after the caller's next barrier.
__device__ inline float block_sum(float value, float* partial) {
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(~0u, value, step);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  value = partial[threadIdx.x % 32];
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(~0u, value, step);
  return value;
}

__device__ inline float silu_times(float gate, float up) {
  return gate / (1.0F + expf(-gate)) * up;
}

static __global__ void __launch_bounds__(kNormThreads)
    norm_kernel(const float* x, const float* weight, float* h, std::int64_t width) {
  __shared__ float partial[32];
  float squares = 0.0F;
  for (std::int64_t i = threadIdx.x; i < width; i += kNormThreads) squares += x[i] * x[i];
  const float mean = block_sum(squares, partial) / static_cast<float>(width);
  const float factor = 1.0F / sqrtf(mean + 1e-5F);
  for (std::int64_t i = threadIdx.x; i < width; i += kNormThreads) h[i] = x[i] * factor * weight[i];
}

static __global__ void copy_kernel(const float* from, float* to, std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) to[i] = from[i];
}

static __global__ void add_kernel(const float* term, float* x, std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) x[i] += term[i];
}

static __global__ void swiglu_kernel(const float* gate, const float* up, float* g, std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) g[i] = silu_times(gate[i], up[i]);
}

inline unsigned blocks_of(std::int64_t n) {
  return static_cast<unsigned>((n + kThreads - 1) / kThreads);
}

/// Launches one operation.
inline void enqueue(const Step& s, const Op& op, cudaStream_t stream) {
  const std::int64_t width = s.width, mlp = s.mlp, l = op.index;
  switch (op.kind) {
    case Kind::kCopy:
      copy_kernel<<<blocks_of(width), kThreads, 0, stream>>>(s.x0, s.x, width);
      break;
    case Kind::kNorm:
      norm_kernel<<<1, kNormThreads, 0, stream>>>(s.x, s.norm + l * width, s.h + l * width, width);
      break;
    case Kind::kAddAttention:
      add_kernel<<<blocks_of(width), kThreads, 0, stream>>>(s.attention + l * width, s.x, width);
      break;
    case Kind::kSwiglu:
      swiglu_kernel<<<blocks_of(mlp), kThreads, 0, stream>>>(s.gate + l * mlp, s.up + l * mlp,
                                                             s.g + l * mlp, mlp);
      break;
    case Kind::kAddMlp:
      add_kernel<<<blocks_of(width), kThreads, 0, stream>>>(s.down + l * width, s.x, width);
      break;
  }
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::labs::ch12::kernel_launches
