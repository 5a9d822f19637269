// One loop and one temporary for each operation: what an array library does with
// sqrt((s + epsilon) * correction), NumPy and eager PyTorch alike. The temporaries are made once,
// as a caching allocator would keep them.
#include <vector>

#include "labs/ch12_graphs/kernel_fusion/problem.h"

namespace aisp::labs::ch12::kernel_fusion {

bench::Technique three_passes() {
  return {.name = "three_passes",
          .summary = "a loop and a temporary for each operation",
          .plan = [](const bench::Params& params) {
            const auto n = static_cast<std::size_t>(params["n"]);
            return bench::plan_of([sum = std::vector<float>(n), product = std::vector<float>(n),
                                   n = params["n"]](const bench::Io& io) mutable {
              add_pass(io.in<float>(0).data(), sum.data(), n);
              multiply_pass(sum.data(), product.data(), n);
              sqrt_pass(product.data(), io.out<float>(0).data(), n);
            });
          }};
}

}  // namespace aisp::labs::ch12::kernel_fusion
