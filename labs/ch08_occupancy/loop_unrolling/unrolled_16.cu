// Unrolled by 16: sixteen loads in flight before the first addition.
#include "labs/ch08_occupancy/loop_unrolling/column_sums.h"
#include "labs/ch08_occupancy/loop_unrolling/problem.h"

namespace aisp::labs::ch08::loop_unrolling {
namespace {

struct Loop {
  static __device__ float sum(const float* x, std::int64_t count, std::int64_t stride) {
    float sum = 0.0f;
#pragma unroll 16
    for (std::int64_t r = 0; r < count; ++r) sum += x[r * stride];
    return sum;
  }
};

}  // namespace

std::unique_ptr<bench::Plan> plan_unrolled_16(const bench::Params& params) {
  return plan_columns<Loop>(params);
}

}  // namespace aisp::labs::ch08::loop_unrolling
