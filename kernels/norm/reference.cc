// The formulas in double with the bound of their f32 evaluation. Slow and plain on purpose.
#include <cmath>

#include "base/numeric.h"
#include "kernels/norm/norm.h"

namespace aisp::kernels::norm {

// In units of u: the sum of n squares has a relative error of 6 sqrt(n + 2), at most twice that
// after the square of the mean is taken off (c^2 <= variance), its root half of it; squaring,
// dividing, epsilon, root and the products round some 8 times. The mean comes from the mean of
// x - guess with |guess - mean| <= deviation; its error is 6 sqrt(n + 2) (mean|d| + deviation).
// Weight and bias round once each.
void reference(Kind kind, const Rows& rows, std::span<double> value, std::span<double> scale) {
  const std::int64_t stride = rows.x_stride != 0 ? rows.x_stride : rows.n;
  const auto n = static_cast<std::size_t>(rows.n);
  const double sum_bound = dot_bound(static_cast<double>(n), 1.0);
  for (std::int64_t r = 0; r < rows.rows; ++r) {
    const float* x = rows.x + r * stride;
    double mean = 0.0, square = 0.0, magnitude = 0.0;
    if (kind == Kind::kLayer) {
      for (std::size_t i = 0; i < n; ++i) mean += x[i];
      mean /= static_cast<double>(n);
    }
    for (std::size_t i = 0; i < n; ++i) {
      square += (x[i] - mean) * (x[i] - mean);
      magnitude += std::fabs(x[i] - mean);
    }
    const double count = static_cast<double>(n);
    const double factor = 1.0 / std::sqrt(square / count + static_cast<double>(rows.epsilon));
    const double shared =
        kind == Kind::kLayer ? sum_bound * (magnitude / count + std::sqrt(square / count)) : 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t at = static_cast<std::size_t>(r) * n + i;
      const double weight = rows.weight != nullptr ? rows.weight[i] : 1.0;
      const double bias = rows.bias != nullptr ? rows.bias[i] : 0.0;
      const double d = x[i] - mean;
      value[at] = d * factor * weight + bias;
      scale[at] = std::fabs(weight) * factor * ((sum_bound + 8.0) * std::fabs(d) + shared) +
                  std::fabs(value[at]) + std::fabs(bias);
    }
  }
}

}  // namespace aisp::kernels::norm
