// Both sides on 4 lanes in the vector extension of GCC and Clang (SSE2, NEON): a condition on
// vectors is a blend by definition, never a jump.
#include <cstring>

#include "labs/ch06_cuda_fundamentals/warp_divergence/problem.h"

namespace aisp::labs::ch06::warp_divergence {
namespace {

using Vec = float __attribute__((vector_size(16)));
using Bits = std::int32_t __attribute__((vector_size(16)));

Vec load(const float* at) {
  Vec value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void loss(const Boxes& boxes) {
  std::int64_t i = 0;
  for (; i + 4 <= boxes.n; i += 4) {
    const Vec d = load(boxes.pred + i) - load(boxes.target + i);
    const Vec size = reinterpret_cast<Vec>(reinterpret_cast<Bits>(d) & 0x7fffffff);
    const Vec value = size < 1.0f ? 0.5f * d * d : size - 0.5f;
    std::memcpy(boxes.loss + i, &value, sizeof value);
  }
  blend_from(boxes, i);
}

}  // namespace

bench::Technique blend_portable() {
  return {.name = "blend_portable",
          .summary = "both sides and a blend, 4 lanes, any machine",
          .plan = [](const bench::Params& params) { return plan_loss(params, loss); }};
}

}  // namespace aisp::labs::ch06::warp_divergence
