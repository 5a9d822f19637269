// Three loops without temporaries: the second and third work in place on the result (out=, mul_(),
// sqrt_()), which spares the reading of lines that are about to be overwritten.
#include "labs/ch12_graphs/kernel_fusion/problem.h"

namespace aisp::labs::ch12::kernel_fusion {

bench::Technique in_place_passes() {
  return {.name = "in_place_passes",
          .summary = "a loop for each operation, in place on the result",
          .plan = [](const bench::Params& params) {
            return plan_pass(params, [](const float* s, float* y, std::int64_t n) {
              add_pass(s, y, n);
              multiply_pass(y, y, n);
              sqrt_pass(y, y, n);
            });
          }};
}

}  // namespace aisp::labs::ch12::kernel_fusion
