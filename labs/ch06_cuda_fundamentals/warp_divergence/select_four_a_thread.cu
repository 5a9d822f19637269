// Both sides computed and one selected, four coordinates a thread with 16-byte accesses.
#include "labs/ch06_cuda_fundamentals/warp_divergence/loss.cuh"

namespace aisp::labs::ch06::warp_divergence {
namespace {

__device__ float select(float pred, float target) {
  const float d = pred - target, size = fabsf(d);
  const float small = small_side(d), large = large_side(size);
  return size < 1.0F ? small : large;
}

__global__ void loss(Boxes boxes) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (4 * i + 4 <= boxes.n) {
    const float4 p = reinterpret_cast<const float4*>(boxes.pred)[i];
    const float4 t = reinterpret_cast<const float4*>(boxes.target)[i];
    reinterpret_cast<float4*>(boxes.loss)[i] = {select(p.x, t.x), select(p.y, t.y),
                                                select(p.z, t.z), select(p.w, t.w)};
  } else {
    for (std::int64_t at = 4 * i; at < boxes.n; ++at) {
      boxes.loss[at] = select(boxes.pred[at], boxes.target[at]);
    }
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_select_four_a_thread(const bench::Params& params) {
  return bench::plan_of(
      [n = params["n"]](const bench::Io& io) { enqueue(loss, io, n, (n + 3) / 4); });
}

}  // namespace aisp::labs::ch06::warp_divergence
