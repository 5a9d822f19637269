// The device baseline: the definition as an if, a thread for each coordinate. Where the lanes of a
// warp disagree the warp would run both sides, one after the other. nvcc makes a selection of two
// sides as short as these, and no branch is left.
#include "labs/ch06_cuda_fundamentals/warp_divergence/loss.cuh"

namespace aisp::labs::ch06::warp_divergence {
namespace {

__global__ void loss(Boxes boxes) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= boxes.n) return;
  const float d = boxes.pred[i] - boxes.target[i];
  if (fabsf(d) < 1.0F) {
    boxes.loss[i] = small_side(d);
  } else {
    boxes.loss[i] = large_side(fabsf(d));
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_branch_a_thread(const bench::Params& params) {
  return bench::plan_of([n = params["n"]](const bench::Io& io) { enqueue(loss, io, n, n); });
}

}  // namespace aisp::labs::ch06::warp_divergence
