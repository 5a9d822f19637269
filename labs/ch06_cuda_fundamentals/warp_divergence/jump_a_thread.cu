// The same if with a real jump: the compiler may not look into the two sides (noinline), as it
// cannot where they are long. A warp whose lanes disagree runs both, one after the other; a warp
// that agrees runs one.
#include "labs/ch06_cuda_fundamentals/warp_divergence/loss.cuh"

namespace aisp::labs::ch06::warp_divergence {
namespace {

__device__ __noinline__ float call_small(float d) { return small_side(d); }
__device__ __noinline__ float call_large(float d) { return large_side(fabsf(d)); }

__global__ void loss(Boxes boxes) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= boxes.n) return;
  const float d = boxes.pred[i] - boxes.target[i];
  boxes.loss[i] = fabsf(d) < 1.0F ? call_small(d) : call_large(d);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_jump_a_thread(const bench::Params& params) {
  return bench::plan_of([n = params["n"]](const bench::Io& io) { enqueue(loss, io, n, n); });
}

}  // namespace aisp::labs::ch06::warp_divergence
