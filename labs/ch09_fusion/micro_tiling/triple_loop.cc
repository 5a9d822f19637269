// One element of C at a time: two loads for each multiplication, and a chain of additions that
// nobody may reorder.
#include "kernels/gemm/triple_loop.h"

#include "labs/ch09_fusion/micro_tiling/problem.h"

namespace aisp::labs::ch09::micro_tiling {

bench::Technique triple_loop() {
  return {.name = "triple_loop",
          .summary = "i, j, k: one element of C at a time",
          .plan = [](const bench::Params& p) {
            return bench::matmul::plan_with(p, kernels::gemm::triple_loop);
          }};
}

}  // namespace aisp::labs::ch09::micro_tiling
