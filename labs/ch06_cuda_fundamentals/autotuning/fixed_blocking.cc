// One blocking for every shape, chosen once by somebody for a machine with 256 KiB of L2, and
// everything packed always: what a library without a model does. The numbers are those of BLIS for
// Haswell (f32: MC 144, KC 256, NC 4080).
#include <algorithm>

#include "labs/ch06_cuda_fundamentals/autotuning/problem.h"

namespace aisp::labs::ch06::autotuning {

Config fixed_config(const Shape& shape) {
  return {.threads = 1,
          .cell_m = std::max<std::int64_t>(shape.m, 1),
          .cell_n = std::max<std::int64_t>(shape.n, 1),
          .mc = 144,
          .kc = 256,
          .nc = 4080,
          .pack_a = true,
          .pack_b = true};
}

bench::Technique fixed_blocking() {
  return {.name = "fixed_blocking",
          .summary = "144 x 256 x 4080, everything packed, whatever the shape",
          .plan = [](const bench::Params& p) { return plan_with(p, fixed_config(shape_of(p))); }};
}

}  // namespace aisp::labs::ch06::autotuning
