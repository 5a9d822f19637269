// The definition as an if: one side is computed. This is the source of Fast R-CNN's SmoothL1Forward
// kernel (Caffe) and of most hand-written losses. The branch stays a branch in the machine code of
// g++ 12 -O3: arithmetic on one side only may not be moved before the test, because it could raise
// a floating-point exception that the program never asked for. On a GPU the same source diverges
// within a warp; here it is mispredicted.
#include "labs/ch06_cuda_fundamentals/warp_divergence/problem.h"

namespace aisp::labs::ch06::warp_divergence {
namespace {

void loss(const Boxes& boxes) {
  const float* pred = boxes.pred;
  const float* target = boxes.target;
  float* __restrict out = boxes.loss;
  for (std::int64_t i = 0; i < boxes.n; ++i) {
    const float d = pred[i] - target[i];
    const float size = std::fabs(d);
    if (size < 1.0f) {
      out[i] = 0.5f * d * d;
    } else {
      out[i] = size - 0.5f;
    }
  }
}

}  // namespace

bench::Technique branch() {
  return {.name = "branch",
          .summary = "an if for each element, one side computed",
          .plan = [](const bench::Params& params) { return plan_loss(params, loss); }};
}

}  // namespace aisp::labs::ch06::warp_divergence
