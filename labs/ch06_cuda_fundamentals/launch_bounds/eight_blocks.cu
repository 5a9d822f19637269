// All 2048 threads of a multiprocessor: 32 registers. Half of the values live in local memory,
// which is device memory behind the caches.
#include "labs/ch06_cuda_fundamentals/launch_bounds/router.cuh"

namespace aisp::labs::ch06::launch_bounds {
namespace {

__global__ void __launch_bounds__(kThreads, 8)
    route_tokens(const float* logits, float* gates, std::int64_t tokens) {
  route(logits, gates, tokens);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_eight_blocks(const bench::Params& params) {
  return plan_router(params, route_tokens);
}

}  // namespace aisp::labs::ch06::launch_bounds
