// The same loss without an if: with m = min(|d|, 1) both sides are m (|d| - m/2), exactly, and each
// step rounds as in the definition. Whether this removes the branch is up to the compiler: g++ 12
// -O3 turns std::min, like any ?: of floats here, back into a jump (and std::fmin into a call).
// Source: P. Huber, "Robust Estimation of a Location Parameter", Ann. Math. Stat. 35 (1964).
#include <algorithm>

#include "labs/ch06_cuda_fundamentals/warp_divergence/problem.h"

namespace aisp::labs::ch06::warp_divergence {
namespace {

void loss(const Boxes& boxes) {
  const float* pred = boxes.pred;
  const float* target = boxes.target;
  float* __restrict out = boxes.loss;
  for (std::int64_t i = 0; i < boxes.n; ++i) {
    const float size = std::fabs(pred[i] - target[i]);
    const float clipped = std::min(size, 1.0f);
    out[i] = clipped * (size - 0.5f * clipped);
  }
}

}  // namespace

bench::Technique clipped_minimum() {
  return {.name = "clipped_minimum",
          .summary = "written with std::min instead of an if, left to the compiler",
          .plan = [](const bench::Params& params) { return plan_loss(params, loss); }};
}

}  // namespace aisp::labs::ch06::warp_divergence
