// The formulas in double. Slow and plain on purpose: what the variants are compared with.
#include <cmath>

#include "kernels/reduce/reduce.h"

namespace aisp::kernels::reduce {

double reference_sum(std::span<const float> x, double* scale) {
  double total = 0.0, magnitude = 0.0;
  for (const float value : x) {
    total += static_cast<double>(value);
    magnitude += std::fabs(static_cast<double>(value));
  }
  if (scale != nullptr) *scale = magnitude;
  return total;
}

double reference_dot(std::span<const float> x, std::span<const float> y, double* scale) {
  double total = 0.0, magnitude = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double product = static_cast<double>(x[i]) * static_cast<double>(y[i]);
    total += product;
    magnitude += std::fabs(product);
  }
  if (scale != nullptr) *scale = magnitude;
  return total;
}

}  // namespace aisp::kernels::reduce
