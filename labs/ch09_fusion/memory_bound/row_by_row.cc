// The rows one after the other in three plain loops each: mean, variance, result. A row stays in L1
// between them, so memory moves once; but strict float order keeps both sums scalar, one addition
// in three or four cycles. Source: llm.c, train_gpt2.c, layernorm_forward (the same loops).
#include <cmath>

#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

namespace {

void row(const float* x, const float* weight, const float* bias, float* y, std::int64_t n) {
  float mean = 0.0f;
  for (std::int64_t i = 0; i < n; ++i) mean += x[i];
  mean /= static_cast<float>(n);
  float variance = 0.0f;
  for (std::int64_t i = 0; i < n; ++i) {
    const float shift = x[i] - mean;
    variance += shift * shift;
  }
  variance /= static_cast<float>(n);
  const float factor = 1.0f / std::sqrt(variance + kEpsilon);
  for (std::int64_t i = 0; i < n; ++i) y[i] = factor * (x[i] - mean) * weight[i] + bias[i];
}

}  // namespace

bench::Technique row_by_row() {
  return {.name = "row_by_row",
          .summary = "mean, variance and result of a row in plain loops, row after row",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([params](const bench::Io& io) {
              const auto rows = rows_of(params, io);
              for (std::int64_t r = 0; r < rows.rows; ++r) {
                row(rows.x + r * rows.n, rows.weight, rows.bias, rows.y + r * rows.n, rows.n);
              }
            });
          }};
}

}  // namespace aisp::labs::ch09::memory_bound
