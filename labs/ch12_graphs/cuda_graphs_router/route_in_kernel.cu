// No branch outside of kernels: a block reads which expert its token goes to and takes that
// expert's weights. Three launches of fixed shape, which a graph could hold as they are. Source:
// vLLM, fused_moe (experts as an index that the kernel reads).
#include "labs/ch12_graphs/cuda_graphs_router/expert_kernels.cuh"

namespace aisp::labs::ch12::cuda_graphs_router {
namespace {

/// blockIdx.y is the token.
__global__ void __launch_bounds__(kThreads) up_kernel(Call c, const Route* route) {
  const int row = row_here(), t = static_cast<int>(blockIdx.y);
  if (row < c.hidden) up_row(c, route->expert[t], t, row, c.h + t * c.hidden);
}
__global__ void __launch_bounds__(kThreads) down_kernel(Call c, const Route* route) {
  const int row = row_here(), t = static_cast<int>(blockIdx.y);
  if (row >= c.width) return;
  const float sum = down_row(c, route->expert[t], row, c.h + t * c.hidden);
  if (threadIdx.x % 32 == 0) c.y[t * c.width + row] = route->gate[t] * sum;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_route_in_kernel(const bench::Params& params) {
  return bench::plan_of([params, h = machine::DeviceArray(hidden_bytes(params)),
                         route = machine::DeviceArray(sizeof(Route))](const bench::Io& io) {
    const Call call = call_of(params, io, h.as<float>());
    const auto tokens = static_cast<unsigned>(call.tokens);
    route_kernel<<<1, kThreads, 0, io.stream()>>>(call, route.as<Route>());
    AISP_CUDA(cudaGetLastError());
    up_kernel<<<dim3(blocks_for(call.hidden), tokens), kThreads, 0, io.stream()>>>(
        call, route.as<Route>());
    AISP_CUDA(cudaGetLastError());
    down_kernel<<<dim3(blocks_for(call.width), tokens), kThreads, 0, io.stream()>>>(
        call, route.as<Route>());
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::cuda_graphs_router
