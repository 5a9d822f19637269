// One pass over an array on the GPU: four elements a thread in one 16-byte access, as eager
// PyTorch's element-wise kernels do, so that the passes differ from the fused kernel in nothing but
// their number.
// Source: PyTorch, aten/src/ATen/native/cuda/CUDALoops.cuh (vectorized_elementwise_kernel).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "labs/ch12_graphs/kernel_fusion/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch12::kernel_fusion {

struct Add {
  __device__ float operator()(float s) const { return s + kEpsilon; }
};
struct Multiply {
  __device__ float operator()(float s) const { return s * kCorrection; }
};
struct Root {
  __device__ float operator()(float s) const { return sqrtf(s); }
};

/// from and to 16-byte aligned, may be the same array.
template <class Operation>
__global__ void element_kernel(const float* from, float* to, std::int64_t n, Operation operation) {
  const std::int64_t i = 4 * (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x);
  if (i + 4 <= n) {
    float4 x = *reinterpret_cast<const float4*>(from + i);
    x = {operation(x.x), operation(x.y), operation(x.z), operation(x.w)};
    *reinterpret_cast<float4*>(to + i) = x;
  } else {
    for (std::int64_t j = i; j < n; ++j) to[j] = operation(from[j]);
  }
}

template <class Operation>
void launch(const float* from, float* to, std::int64_t n, cudaStream_t stream) {
  constexpr int kThreads = 256;  // 8 blocks fill the 2048 threads of a multiprocessor
  const auto blocks = static_cast<unsigned>((n + 4 * kThreads - 1) / (4 * kThreads));
  element_kernel<<<blocks, kThreads, 0, stream>>>(from, to, n, Operation{});
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::labs::ch12::kernel_fusion
