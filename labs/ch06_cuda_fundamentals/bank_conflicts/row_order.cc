// The loops exchanged: every row is added onto the vector of sums. Reads are sequential, which the
// prefetchers like, and the sums (16 KiB for 4096 columns) stay in L1.
#include <algorithm>

#include "labs/ch06_cuda_fundamentals/bank_conflicts/problem.h"

namespace aisp::labs::ch06::bank_conflicts {

bench::Technique row_order() {
  return {.name = "row_order",
          .summary = "loops exchanged: each row added onto the sums",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
              const float* in = io.in<float>(0).data();
              float* out = io.out<float>(0).data();
              std::fill_n(out, shape.cols, 0.0f);
              for (std::int64_t i = 0; i < shape.rows; ++i) {
                const float* row = in + i * shape.cols;
                for (std::int64_t j = 0; j < shape.cols; ++j) out[j] += row[j];
              }
            });
          }};
}

}  // namespace aisp::labs::ch06::bank_conflicts
