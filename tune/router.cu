// The router of labs/ch06_cuda_fundamentals/launch_bounds (softmax of 64 logits in one thread's
// registers) under launch bounds: block size, and registers by the blocks that shall fit.
#include <type_traits>

#include "labs/ch06_cuda_fundamentals/launch_bounds/problem.h"
#include "tune/occupancy.cuh"
#include "tune/points.h"

namespace aisp::tune {
namespace {

using labs::ch06::launch_bounds::kExperts;

template <int kThreads, int kBlocks>
__global__ void __launch_bounds__(kThreads, kBlocks)
    route_tokens(const float* __restrict__ logits, float* __restrict__ gates, std::int64_t tokens) {
  const std::int64_t token = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
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

// 512, 1024 and 2048 threads on a multiprocessor: 128, 64 and 32 registers; 0: no such bound.
template <class Use>
void with_router(int threads, int blocks, Use use) {
  const auto bounded = [&](auto fixed) {
    constexpr int kThreads = decltype(fixed)::value;
    if (blocks == 0) use(route_tokens<kThreads, 1>);
    if (blocks == 512 / kThreads) use(route_tokens<kThreads, 512 / kThreads>);
    if (blocks == 1024 / kThreads) use(route_tokens<kThreads, 1024 / kThreads>);
    if (blocks == 2048 / kThreads) use(route_tokens<kThreads, 2048 / kThreads>);
  };
  if (threads == 64) bounded(std::integral_constant<int, 64>{});
  if (threads == 128) bounded(std::integral_constant<int, 128>{});
  if (threads == 256) bounded(std::integral_constant<int, 256>{});
}

}  // namespace

std::unique_ptr<bench::Plan> plan_router(const bench::Params& params, int threads, int blocks) {
  const std::int64_t tokens = params["tokens"];
  const auto grid = static_cast<unsigned>((tokens + threads - 1) / threads);
  std::unique_ptr<bench::Plan> plan;
  with_router(threads, blocks, [&](auto kernel) {
    plan = bench::plan_of([=](const bench::Io& io) {
      kernel<<<grid, threads, 0, io.stream()>>>(io.in<float>(0).data(), io.out<float>(0).data(),
                                                tokens);
      AISP_CUDA(cudaGetLastError());
    });
  });
  return plan;
}

Occupancy occupancy_router(const bench::Params&, int threads, int blocks) {
  Occupancy answer;
  with_router(threads, blocks, [&](auto kernel) { answer = occupancy_of(kernel, threads, 0); });
  return answer;
}

}  // namespace aisp::tune
