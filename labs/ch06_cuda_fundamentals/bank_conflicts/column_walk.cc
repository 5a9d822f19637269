// The baseline: one column after the other, as the formula reads. The rows of a 4096-wide f32
// matrix lie 16 KiB apart, so a whole column falls into one set of L1 (8 ways) and 8 sets of L2: a
// line is gone before the next of its 16 columns comes by.
// Source: matmul_backward in karpathy/llm.c's train_gpt2.c sums the bias gradient in this order:
// for every output channel o, for every b and t, dbias[o] += dout[b, t, o].
#include "labs/ch06_cuda_fundamentals/bank_conflicts/problem.h"

namespace aisp::labs::ch06::bank_conflicts {

bench::Technique column_walk() {
  return {.name = "column_walk",
          .summary = "one column after the other, straight from the matrix",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
              const float* in = io.in<float>(0).data();
              float* out = io.out<float>(0).data();
              for (std::int64_t j = 0; j < shape.cols; ++j) {
                float sum = 0.0f;
                for (std::int64_t i = 0; i < shape.rows; ++i) sum += in[i * shape.cols + j];
                out[j] = sum;
              }
            });
          }};
}

}  // namespace aisp::labs::ch06::bank_conflicts
