// The definition as a program: one dot product for each element of C, B read down its columns.
// What a first course, and many a hand-written layer, ships.
#include "kernels/gemm/triple_loop.h"

#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {

bench::Technique triple_loop() {
  return {.name = "triple_loop",
          .summary = "i, j, k: a dot product for each element, B read down its columns",
          .plan = [](const bench::Params& p) {
            return bench::matmul::plan_with(p, kernels::gemm::triple_loop);
          }};
}

}  // namespace aisp::labs::ch07::matmul_tiled
