// No branch outside of kernels: a row of blocks for each expert reads who was routed to it and
// ends where nobody was. Three launches of fixed shape, which a graph could hold as they are.
// Source: vLLM, fused_moe (experts as an index that the kernel reads).
#include "labs/ch12_graphs/cuda_graphs_router/expert_kernels.cuh"

namespace aisp::labs::ch12::cuda_graphs_router {
namespace {

/// blockIdx.y is the expert; blocks of those that nobody chose end at once.
__global__ void __launch_bounds__(kThreads) up_kernel(Call c, const Route* route) {
  up_for(c, route, static_cast<int>(blockIdx.y));
}
__global__ void __launch_bounds__(kThreads) down_kernel(Call c, const Route* route) {
  down_for(c, route, static_cast<int>(blockIdx.y));
}

}  // namespace

std::unique_ptr<bench::Plan> plan_route_in_kernel(const bench::Params& params) {
  return bench::plan_of([params, h = machine::DeviceArray(hidden_bytes(params)),
                         route = machine::DeviceArray(sizeof(Route))](const bench::Io& io) {
    const Call call = call_of(params, io, h.as<float>());
    const auto experts = static_cast<unsigned>(call.experts);
    route_kernel<<<1, kThreads, 0, io.stream()>>>(call, route.as<Route>());
    AISP_CUDA(cudaGetLastError());
    up_kernel<<<dim3(blocks_for(call.hidden), experts), kThreads, 0, io.stream()>>>(
        call, route.as<Route>());
    AISP_CUDA(cudaGetLastError());
    down_kernel<<<dim3(blocks_for(call.width), experts), kThreads, 0, io.stream()>>>(
        call, route.as<Route>());
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::cuda_graphs_router
