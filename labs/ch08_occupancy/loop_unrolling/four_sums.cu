// Unrolled by 16 with four sums, which shortens the chain of additions by four. The order of the
// additions changes, which the compiler may not do.
#include "labs/ch08_occupancy/loop_unrolling/column_sums.h"
#include "labs/ch08_occupancy/loop_unrolling/problem.h"

namespace aisp::labs::ch08::loop_unrolling {
namespace {

struct Loop {
  static __device__ float sum(const float* x, std::int64_t count, std::int64_t stride) {
    float sum[4] = {};
    std::int64_t r = 0;
    for (; r + 16 <= count; r += 16) {
      float value[16];
#pragma unroll
      for (int i = 0; i < 16; ++i) value[i] = x[(r + i) * stride];
#pragma unroll
      for (int i = 0; i < 16; ++i) sum[i % 4] += value[i];
    }
    for (; r < count; ++r) sum[0] += x[r * stride];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }
};

}  // namespace

std::unique_ptr<bench::Plan> plan_four_sums(const bench::Params& params) {
  return plan_columns<Loop>(params);
}

}  // namespace aisp::labs::ch08::loop_unrolling
