// The device baseline: no bounds. The compiler must allow for blocks of 1024 threads, of which 64
// registers each are all that a multiprocessor has... or take more and let such a launch fail,
// which is what it does.
#include "labs/ch06_cuda_fundamentals/launch_bounds/router.cuh"

namespace aisp::labs::ch06::launch_bounds {
namespace {

__global__ void route_tokens(const float* logits, float* gates, std::int64_t tokens) {
  route(logits, gates, tokens);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_no_bounds(const bench::Params& params) {
  return plan_router(params, route_tokens);
}

}  // namespace aisp::labs::ch06::launch_bounds
