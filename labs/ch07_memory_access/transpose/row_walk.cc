// The baseline: two loops in the order of the input. Every read is sequential and every write lands
// on another line, rows * 4 bytes further on.
// Source: the first kernel of NVIDIA's "An Efficient Matrix Transpose in CUDA" (transposeNaive),
// and the loop of every textbook.
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

bench::Technique row_walk() {
  return {.name = "row_walk",
          .summary = "two loops in input order; each write on another line",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
              const float* in = io.in<float>(0).data();
              float* out = io.out<float>(0).data();
              for (std::int64_t i = 0; i < shape.rows; ++i) {
                for (std::int64_t j = 0; j < shape.cols; ++j) {
                  out[j * shape.rows + i] = in[i * shape.cols + j];
                }
              }
            });
          }};
}

}  // namespace aisp::labs::ch07::transpose
