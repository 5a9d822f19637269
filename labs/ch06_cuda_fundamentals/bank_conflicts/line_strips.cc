// Walks down the matrix a cache line wide: all 16 columns of a line are added while the line is
// there, so it does not matter that the next row evicts it. No copy, no padding, plain loops.
#include <algorithm>

#include "labs/ch06_cuda_fundamentals/bank_conflicts/problem.h"

namespace aisp::labs::ch06::bank_conflicts {
namespace {

constexpr std::int64_t kStrip = 16;  // floats of one 64-byte line

void sum_strips(const float* in, float* out, const Shape& shape) {
  std::int64_t j = 0;
  for (; j + kStrip <= shape.cols; j += kStrip) {
    float sums[kStrip] = {};
    for (std::int64_t i = 0; i < shape.rows; ++i) {
      for (std::int64_t k = 0; k < kStrip; ++k) sums[k] += in[i * shape.cols + j + k];
    }
    std::copy_n(sums, kStrip, out + j);
  }
  for (; j < shape.cols; ++j) {
    float sum = 0.0f;
    for (std::int64_t i = 0; i < shape.rows; ++i) sum += in[i * shape.cols + j];
    out[j] = sum;
  }
}

}  // namespace

bench::Technique line_strips() {
  return {.name = "line_strips",
          .summary = "16 columns at a time: each line is used whole when it comes",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
              sum_strips(io.in<float>(0).data(), io.out<float>(0).data(), shape);
            });
          }};
}

}  // namespace aisp::labs::ch06::bank_conflicts
