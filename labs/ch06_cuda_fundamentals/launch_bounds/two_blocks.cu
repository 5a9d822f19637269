// At least two blocks on a multiprocessor: 128 registers.
#include "labs/ch06_cuda_fundamentals/launch_bounds/router.cuh"

namespace aisp::labs::ch06::launch_bounds {
namespace {

__global__ void __launch_bounds__(kThreads, 2)
    route_tokens(const float* logits, float* gates, std::int64_t tokens) {
  route(logits, gates, tokens);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_two_blocks(const bench::Params& params) {
  return plan_router(params, route_tokens);
}

}  // namespace aisp::labs::ch06::launch_bounds
