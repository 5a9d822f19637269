// Maximum, exponentials with their sum, scaling: three loops over the row, the sum in double.
// Without -ffast-math the compiler keeps the maximum and the sum scalar, and calls the library for
// each exponential; the scaling is vectorised. A float sum would lose every term below half an ulp
// of the sum: 2e-4 of all probability at a vocabulary of 128,256.
// Source: llama.cpp, ggml_vec_soft_max_f32, path without SIMD (the same loops, a double sum).
#include <cmath>
#include <limits>

#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {
namespace {

void row(const float* x, float* y, std::size_t n) {
  float max = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < n; ++i) {
    if (x[i] > max) max = x[i];
  }
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = std::exp(x[i] - max);
    sum += static_cast<double>(y[i]);
  }
  const auto scale = static_cast<float>(1.0 / sum);
  for (std::size_t i = 0; i < n; ++i) y[i] *= scale;
}

}  // namespace

bench::Technique three_pass() {
  return {.name = "three_pass",
          .summary = "maximum, std::exp and sum, scaling: three plain loops",
          .plan = [](const bench::Params& params) { return plan_rows(params, row); }};
}

}  // namespace aisp::labs::ch09::online_softmax
