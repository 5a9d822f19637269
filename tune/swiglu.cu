// SwiGLU of f32 elements: block size, elements in flight, and shared memory that only takes room.
// A thread handles kUnroll packs of 16 bytes, a block apart, all loaded before the first is used.
#include <type_traits>

#include "tune/occupancy.cuh"
#include "tune/points.h"

namespace aisp::tune {
namespace {

__device__ float gated(float gate, float up) { return gate / (1.0F + expf(-gate)) * up; }

template <int kThreads, int kUnroll>
__global__ void __launch_bounds__(kThreads)
    swiglu_packs(const float* __restrict__ gate, const float* __restrict__ up,
                 float* __restrict__ out, std::int64_t n) {
  const std::int64_t packs = n / 4;
  const std::int64_t first = std::int64_t{blockIdx.x} * (kThreads * kUnroll) + threadIdx.x;
  float4 g[kUnroll], u[kUnroll];
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    const std::int64_t i = first + k * kThreads;
    if (i >= packs) continue;
    g[k] = reinterpret_cast<const float4*>(gate)[i];
    u[k] = reinterpret_cast<const float4*>(up)[i];
  }
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    const std::int64_t i = first + k * kThreads;
    if (i >= packs) continue;
    reinterpret_cast<float4*>(out)[i] = {gated(g[k].x, u[k].x), gated(g[k].y, u[k].y),
                                         gated(g[k].z, u[k].z), gated(g[k].w, u[k].w)};
  }
  // What does not fill a pack, by the first threads of the first block.
  const std::int64_t rest = packs * 4 + threadIdx.x;
  if (blockIdx.x == 0 && rest < n) out[rest] = gated(gate[rest], up[rest]);
}

// Calls use(kernel) with the instance of so many threads and so much unrolling.
template <class Use>
void with_swiglu(int threads, int unroll, Use use) {
  const auto unrolled = [&](auto fixed) {
    constexpr int kThreads = decltype(fixed)::value;
    if (unroll == 1) use(swiglu_packs<kThreads, 1>);
    if (unroll == 2) use(swiglu_packs<kThreads, 2>);
    if (unroll == 4) use(swiglu_packs<kThreads, 4>);
  };
  if (threads == 64) unrolled(std::integral_constant<int, 64>{});
  if (threads == 128) unrolled(std::integral_constant<int, 128>{});
  if (threads == 256) unrolled(std::integral_constant<int, 256>{});
  if (threads == 512) unrolled(std::integral_constant<int, 512>{});
  if (threads == 1024) unrolled(std::integral_constant<int, 1024>{});
}

}  // namespace

std::unique_ptr<bench::Plan> plan_swiglu(const bench::Params& params, int threads, int unroll,
                                         int shared_bytes) {
  const std::int64_t n = params["n"], each = std::int64_t{threads} * unroll;
  const auto blocks = static_cast<unsigned>((n / 4 + each - 1) / each + (n < 4 ? 1 : 0));
  std::unique_ptr<bench::Plan> plan;
  with_swiglu(threads, unroll, [&](auto kernel) {
    allow_shared(kernel, shared_bytes);
    plan = bench::plan_of([=](const bench::Io& io) {
      kernel<<<blocks, threads, shared_bytes, io.stream()>>>(
          io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), n);
      AISP_CUDA(cudaGetLastError());
    });
  });
  return plan;
}

Occupancy occupancy_swiglu(const bench::Params&, int threads, int unroll, int shared_bytes) {
  Occupancy answer;
  with_swiglu(threads, unroll,
              [&](auto kernel) { answer = occupancy_of(kernel, threads, shared_bytes); });
  return answer;
}

}  // namespace aisp::tune
