// A graph without branches: every expert computes every token, and a weight of zero drops what was
// not chosen. What capture forces on code that may not look at its data.
// Source: C. Fregly, "AI Systems Performance Engineering", chapter 12 (both experts, blended).
#include <array>

#include "labs/ch12_graphs/cuda_graphs_router/expert_kernels.cuh"
#include "machine/cuda_graph.h"

namespace aisp::labs::ch12::cuda_graphs_router {
namespace {

/// blockIdx.y is the expert; h[experts][tokens][hidden], parts[experts][tokens][width].
__global__ void __launch_bounds__(kThreads) up_all_kernel(Call c) {
  const int e = static_cast<int>(blockIdx.y);
  up_rows(c, e, (1U << c.tokens) - 1, c.h + static_cast<std::int64_t>(e) * c.tokens * c.hidden);
}
__global__ void __launch_bounds__(kThreads) down_all_kernel(Call c, float* parts) {
  const int e = static_cast<int>(blockIdx.y);
  const std::int64_t before = static_cast<std::int64_t>(e) * c.tokens;
  down_rows(c, e, (1U << c.tokens) - 1, c.h + before * c.hidden, parts + before * c.width,
            [](int) { return 1.0F; });
}
__global__ void __launch_bounds__(kThreads)
    blend_kernel(Call c, const Route* route, const float* parts) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= c.tokens * c.width) return;
  const int t = i / c.width;
  float sum = 0.0F;
  for (int e = 0; e < c.experts; ++e) {
    const float gate = route->expert[t] == e ? route->gate[t] : 0.0F;
    sum += gate * parts[e * c.tokens * c.width + i];
  }
  c.y[i] = sum;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_every_expert(const bench::Params& params) {
  const auto experts = static_cast<std::size_t>(params["experts"]);
  return bench::plan_of([params, h = machine::DeviceArray(experts * hidden_bytes(params)),
                         parts = machine::DeviceArray(experts * output_bytes(params)),
                         route = machine::DeviceArray(sizeof(Route)),
                         graph = machine::CapturedGraph(),
                         captured = std::array<const void*, 5>{}](const bench::Io& io) mutable {
    const Call call = call_of(params, io, h.as<float>());
    const std::array<const void*, 5> pointers = {call.x, call.router, call.w1, call.w2, call.y};
    if (pointers != captured) {  // a graph holds the pointers of its capture
      graph.capture([&](cudaStream_t stream) {
        const auto count = static_cast<unsigned>(call.experts);
        route_kernel<<<1, kThreads, 0, stream>>>(call, route.as<Route>());
        AISP_CUDA(cudaGetLastError());
        up_all_kernel<<<dim3(blocks_for(call.hidden), count), kThreads, 0, stream>>>(call);
        AISP_CUDA(cudaGetLastError());
        down_all_kernel<<<dim3(blocks_for(call.width), count), kThreads, 0, stream>>>(
            call, parts.as<float>());
        AISP_CUDA(cudaGetLastError());
        const auto blocks =
            static_cast<unsigned>((call.tokens * call.width + kThreads - 1) / kThreads);
        blend_kernel<<<blocks, kThreads, 0, stream>>>(call, route.as<Route>(), parts.as<float>());
        AISP_CUDA(cudaGetLastError());
      });
      captured = pointers;
    }
    graph.launch(io.stream());
  });
}

}  // namespace aisp::labs::ch12::cuda_graphs_router
