// The three passes of the baseline in the widest SIMD: what vectors of exponentials gain without
// any online trick. It is kernels/softmax with the whole row as one block.
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

bench::Technique three_pass_simd() {
  return {.name = "three_pass_simd",
          .summary = "three passes, the widest SIMD with a polynomial exponential",
          .plan = [](const bench::Params& params) {
            // A block as long as the row; longer than kMaxBlocks blocks never arise with it.
            const kernels::softmax::Config config{.block = params["n"]};
            return bench::plan_of([config, params](const bench::Io& io) {
              kernels::softmax::choose_variant(machine::cpu()).run(rows_of(params, io), config);
            });
          }};
}

}  // namespace aisp::labs::ch09::online_softmax
