// The loss of one coordinate on the GPU. fmaf never: the host's techniques round each step too, and
// all agree bit for bit (nvcc would contract a product and a sum by itself).
#pragma once

#include "labs/ch06_cuda_fundamentals/warp_divergence/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch06::warp_divergence {

inline constexpr unsigned kThreads = 256;  // 8 blocks fill a multiprocessor

__device__ inline float small_side(float d) { return __fmul_rn(__fmul_rn(0.5F, d), d); }
__device__ inline float large_side(float size) { return __fsub_rn(size, 0.5F); }

/// kernel(boxes) over `threads` threads.
template <class Kernel>
void enqueue(Kernel kernel, const bench::Io& io, std::int64_t n, std::int64_t threads) {
  const auto blocks = static_cast<unsigned>((threads + kThreads - 1) / kThreads);
  kernel<<<blocks, kThreads, 0, io.stream()>>>(
      Boxes{io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), n});
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::labs::ch06::warp_divergence
