// The kernel's body, compiled once under each technique's bounds (and
// under more of them by the tuner). 16 loads of 16 bytes are on their
// way in each thread; 64 values live until the last store.
#pragma once

#include "labs/ch06_cuda_fundamentals/launch_bounds/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch06::launch_bounds {

inline constexpr unsigned kThreads = 256;

/// Inlined into each kernel, whose blocks have kBlock threads. expf: within 2 ulp (CUDA C++
/// Programming Guide, 13.1).
template <unsigned kBlock = kThreads>
__device__ __forceinline__ void route(const float* logits, float* gates, std::int64_t tokens) {
  const std::int64_t token = std::int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (token >= tokens) return;
  const auto* from = reinterpret_cast<const float4*>(logits + token * kExperts);
  float value[kExperts];
#pragma unroll
  for (int i = 0; i < kExperts; i += 4) {
    const float4 four = from[i / 4];
    value[i] = four.x, value[i + 1] = four.y, value[i + 2] = four.z, value[i + 3] = four.w;
  }
  float largest = value[0];
#pragma unroll
  for (int i = 1; i < kExperts; ++i) largest = fmaxf(largest, value[i]);
  float sum = 0.0F;
#pragma unroll
  for (int i = 0; i < kExperts; ++i) {
    value[i] = expf(value[i] - largest);
    sum += value[i];
  }
  const float scale = 1.0F / sum;
  auto* to = reinterpret_cast<float4*>(gates + token * kExperts);
#pragma unroll
  for (int i = 0; i < kExperts; i += 4) {
    to[i / 4] = {value[i] * scale, value[i + 1] * scale, value[i + 2] * scale,
                 value[i + 3] * scale};
  }
}

template <class Kernel>
std::unique_ptr<bench::Plan> plan_router(const bench::Params& params, Kernel kernel,
                                         unsigned threads = kThreads) {
  return bench::plan_of([kernel, threads, tokens = params["tokens"]](const bench::Io& io) {
    const auto blocks = static_cast<unsigned>((tokens + threads - 1) / threads);
    kernel<<<blocks, threads, 0, io.stream()>>>(io.in<float>(0).data(), io.out<float>(0).data(),
                                                tokens);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch06::launch_bounds
