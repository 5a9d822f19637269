// The loop as it stands: the compiler unrolls it by 4, as PTX and machine code show, but keeps the
// order of the additions.
#include "labs/ch08_occupancy/loop_unrolling/column_sums.h"
#include "labs/ch08_occupancy/loop_unrolling/problem.h"

namespace aisp::labs::ch08::loop_unrolling {
namespace {

struct Loop {
  static __device__ float sum(const float* x, std::int64_t count, std::int64_t stride) {
    float sum = 0.0f;
    for (std::int64_t r = 0; r < count; ++r) sum += x[r * stride];
    return sum;
  }
};

}  // namespace

std::unique_ptr<bench::Plan> plan_plain_loop(const bench::Params& params) {
  return plan_columns<Loop>(params);
}

}  // namespace aisp::labs::ch08::loop_unrolling
