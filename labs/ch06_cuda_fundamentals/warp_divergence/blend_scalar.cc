// Both sides for every element, then a selection by bits: nothing to predict. One element at a time
// on purpose (the empty asm keeps the compiler from making vectors), so that what the branch cost
// is seen apart from what vectors gain.
#include <bit>

#include "labs/ch06_cuda_fundamentals/warp_divergence/problem.h"

namespace aisp::labs::ch06::warp_divergence {

void blend_from(const Boxes& boxes, std::int64_t first) {
  for (std::int64_t i = first; i < boxes.n; ++i) {
    const float d = boxes.pred[i] - boxes.target[i];
    const float size = std::fabs(d);
    const float square = 0.5f * d * d, line = size - 0.5f;
    std::uint32_t small = 0u - static_cast<std::uint32_t>(size < 1.0f);  // all bits or none
    asm volatile("" : "+r"(small));
    boxes.loss[i] = std::bit_cast<float>((std::bit_cast<std::uint32_t>(square) & small) |
                                         (std::bit_cast<std::uint32_t>(line) & ~small));
  }
}

bench::Technique blend_scalar() {
  return {.name = "blend_scalar",
          .summary = "both sides and a selection by bits, one element at a time",
          .plan = [](const bench::Params& params) {
            return plan_loss(params, [](const Boxes& boxes) { blend_from(boxes, 0); });
          }};
}

}  // namespace aisp::labs::ch06::warp_divergence
