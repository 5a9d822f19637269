// Bounds that name the block's threads only: 256 threads may have 255 registers each.
#include "labs/ch06_cuda_fundamentals/launch_bounds/router.cuh"

namespace aisp::labs::ch06::launch_bounds {
namespace {

__global__ void __launch_bounds__(kThreads)
    route_tokens(const float* logits, float* gates, std::int64_t tokens) {
  route(logits, gates, tokens);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_threads_only(const bench::Params& params) {
  return plan_router(params, route_tokens);
}

}  // namespace aisp::labs::ch06::launch_bounds
