// The same operations with all results in one place, the output array: six passes, no temporary but
// one number a row. What a careful user of a framework writes (sub_, mul_, add_, and a reduction of
// squares instead of a tensor of them).
#include <memory>
#include <vector>

#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

bench::Technique in_place_passes() {
  return {.name = "in_place_passes",
          .summary = "six vectorised passes in the output array, no temporaries",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([params, passes = choose_passes(machine::cpu()),
                                   row = std::vector<float>(static_cast<std::size_t>(
                                       params["rows"]))](const bench::Io& io) mutable {
              const auto [x, y, rows, n, xs, ys, weight, bias, epsilon] = rows_of(params, io);
              passes.mean(x, row.data(), rows, n);
              passes.subtract_rows(x, row.data(), y, rows, n);
              passes.mean_square(y, row.data(), rows, n);
              inverse_root(row.data(), row.data(), rows);
              passes.multiply_rows(y, row.data(), y, rows, n);
              passes.multiply_columns(y, weight, y, rows, n);
              passes.add_columns(y, bias, y, rows, n);
            });
          }};
}

}  // namespace aisp::labs::ch09::memory_bound
