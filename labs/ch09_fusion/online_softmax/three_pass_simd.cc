// The three passes of the baseline in the widest SIMD: what vectors of exponentials gain without
// any online trick.
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

bench::Technique three_pass_simd() {
  return {.name = "three_pass_simd",
          .summary = "three passes, the widest SIMD with a polynomial exponential",
          .plan = [](const bench::Params& params) {
            return plan_rows(params, choose_kernels(machine::cpu()).three_pass);
          }};
}

}  // namespace aisp::labs::ch09::online_softmax
