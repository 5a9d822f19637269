// The host copies the router's choice, waits for it, and launches the experts that somebody chose:
// a loop over experts with a mask for each, which is what eager mixtures of experts do.
// Source: Hugging Face Transformers, models/mixtral/modeling_mixtral.py (`expert_hit ... nonzero()`
// and the loop over it).
#include "labs/ch12_graphs/cuda_graphs_router/expert_kernels.cuh"

namespace aisp::labs::ch12::cuda_graphs_router {
namespace {

__global__ void __launch_bounds__(kThreads) up_kernel(Call c, const Route* route, int e) {
  up_for(c, route, e);
}
__global__ void __launch_bounds__(kThreads) down_kernel(Call c, const Route* route, int e) {
  down_for(c, route, e);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_host_routes(const bench::Params& params) {
  return bench::plan_of(
      [params, h = machine::DeviceArray(hidden_bytes(params)),
       route = machine::DeviceArray(sizeof(Route)),
       seen = std::make_unique<machine::PinnedBuffer>(sizeof(Route))](const bench::Io& io) {
        const Call call = call_of(params, io, h.as<float>());
        const cudaStream_t stream = io.stream();
        route_kernel<<<1, kThreads, 0, stream>>>(call, route.as<Route>());
        AISP_CUDA(cudaGetLastError());
        AISP_CUDA(cudaMemcpyAsync(seen->data(), route.as<Route>(), sizeof(Route),
                                  cudaMemcpyDeviceToHost, stream));
        AISP_CUDA(cudaStreamSynchronize(stream));
        bool chosen[kMostExperts] = {};
        for (int t = 0; t < call.tokens; ++t) {
          chosen[static_cast<const Route*>(seen->data())->expert[t]] = true;
        }
        for (int e = 0; e < call.experts; ++e) {
          if (!chosen[e]) continue;
          up_kernel<<<blocks_for(call.hidden), kThreads, 0, stream>>>(call, route.as<Route>(), e);
          AISP_CUDA(cudaGetLastError());
          down_kernel<<<blocks_for(call.width), kThreads, 0, stream>>>(call, route.as<Route>(), e);
          AISP_CUDA(cudaGetLastError());
        }
      });
}

}  // namespace aisp::labs::ch12::cuda_graphs_router
