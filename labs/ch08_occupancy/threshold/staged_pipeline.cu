// Input goes to shared memory by asynchronous copies (cp.async through cuda_pipeline.h), kStages -
// 1 steps ahead of the arithmetic: no register waits for a load. Every thread reads back what it
// copied itself, so no barrier of the block is needed.
// Source: CUDA C++ Programming Guide 13.0, asynchronous data copies, pipeline primitives.
#include <cuda_pipeline.h>

#include <algorithm>

#include "labs/ch08_occupancy/threshold/activation.h"

namespace aisp::labs::ch08::threshold {
namespace {

constexpr int kThreads = 256;
constexpr int kStages = 4;
constexpr int kBlocksEach = 8;  // 2048 threads; 8 x 16 KB of shared memory, 96 KB in flight

__global__ void __launch_bounds__(kThreads, kBlocksEach)
    apply(const float* __restrict__ x, float* __restrict__ out, std::int64_t n) {
  __shared__ float4 stage[kStages][kThreads];
  const float4* from = reinterpret_cast<const float4*>(x);
  const std::int64_t vectors = n / 4;
  const std::int64_t step = std::int64_t{gridDim.x} * kThreads;
  const std::int64_t first = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  std::int64_t ahead = first;
  const auto fetch = [&](int at) {
    if (ahead < vectors) __pipeline_memcpy_async(&stage[at][threadIdx.x], from + ahead, 16);
    __pipeline_commit();
    ahead += step;
  };
  for (int s = 0; s < kStages - 1; ++s) fetch(s);
  int at = 0;
  for (std::int64_t i = first; i < vectors; i += step) {
    fetch((at + kStages - 1) % kStages);
    __pipeline_wait_prior(kStages - 1);
    reinterpret_cast<float4*>(out)[i] = activate(stage[at][threadIdx.x]);
    at = (at + 1) % kStages;
  }
  if (first < n % 4) out[4 * vectors + first] = activate(x[4 * vectors + first]);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_staged_pipeline(const bench::Params& params) {
  const std::int64_t n = params["n"];
  const std::int64_t most = machine::cuda_device().multiprocessors * kBlocksEach;
  const auto blocks = static_cast<unsigned>(std::clamp<std::int64_t>(n / (4 * kThreads), 1, most));
  return bench::plan_of([=](const bench::Io& io) {
    apply<<<blocks, kThreads, 0, io.stream()>>>(io.in<float>(0).data(), io.out<float>(0).data(), n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::threshold
