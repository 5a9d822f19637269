// The fused expression as one plain loop. Portable, but std::sqrt may set errno for negative
// arguments, so the compiler emits scalar square roots with a test each.
#include <cmath>

#include "labs/ch09_fusion/fused_l2norm/problem.h"

namespace aisp::labs::ch09::fused_l2norm {

void norm_plain(const float* x, const float* y, float* out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = std::sqrt(x[i] * x[i] + y[i] * y[i]);
}

bench::Technique one_pass() {
  return {.name = "one_pass",
          .summary = "one plain loop with std::sqrt",
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              const auto x = io.in<float>(0);
              norm_plain(x.data(), io.in<float>(1).data(), io.out<float>(0).data(), x.size());
            });
          }};
}

}  // namespace aisp::labs::ch09::fused_l2norm
