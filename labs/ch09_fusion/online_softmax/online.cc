// The online softmax as published: maximum and sum in one pass, the sum rescaled whenever the
// maximum rises; a second pass writes. One read of the input less, one exponential an element more.
// Source: M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax" (2018),
// algorithm 3.
#include <cmath>
#include <limits>

#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {
namespace {

void row(const float* x, float* y, std::size_t n) {
  float max = -std::numeric_limits<float>::infinity();
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    if (x[i] > max) {
      sum = sum * static_cast<double>(std::exp(max - x[i])) + 1.0;
      max = x[i];
    } else if (x[i] > -std::numeric_limits<float>::infinity()) {
      sum += static_cast<double>(std::exp(x[i] - max));
    }
  }
  const auto scale = static_cast<float>(1.0 / sum);
  for (std::size_t i = 0; i < n; ++i) y[i] = std::exp(x[i] - max) * scale;
}

}  // namespace

bench::Technique online() {
  return {.name = "online",
          .summary = "running maximum and sum in one pass, std::exp twice an element",
          .plan = [](const bench::Params& params) { return plan_rows(params, row); }};
}

}  // namespace aisp::labs::ch09::online_softmax
