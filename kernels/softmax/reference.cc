// The formula in double with the bound of its f32 evaluation. Slow and plain on purpose.
#include <cmath>
#include <limits>

#include "base/numeric.h"
#include "kernels/softmax/softmax.h"

namespace aisp::kernels::softmax {

// In units of u, relative to y: the sum of n terms, 6 sqrt(n + 2); x - max, rounded to u |x - max|,
// moves e^(x - max) by as much, and the sum by the mean of that over the probabilities; the
// exponentials (1.4 each in numerator and sum), rescaling and division: 8.
void reference(const Rows& rows, std::span<double> value, std::span<double> scale) {
  const std::int64_t stride = rows.x_stride != 0 ? rows.x_stride : rows.n;
  const auto n = static_cast<std::size_t>(rows.n);
  for (std::int64_t r = 0; r < rows.rows; ++r) {
    const float* x = rows.x + r * stride;
    double* y = value.data() + static_cast<std::size_t>(r) * n;
    double* bound = scale.data() + static_cast<std::size_t>(r) * n;
    double max = -std::numeric_limits<double>::infinity(), sum = 0.0, distance = 0.0;
    for (std::size_t i = 0; i < n; ++i) max = std::fmax(max, x[i]);
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = std::exp(x[i] - max);
      sum += y[i];
      if (y[i] > 0.0) distance += y[i] * (max - x[i]);
    }
    const double common = dot_bound(static_cast<double>(n), 1.0) + distance / sum + 8.0;
    for (std::size_t i = 0; i < n; ++i) {
      y[i] /= sum;
      bound[i] = y[i] > 0.0 ? y[i] * (common + (max - x[i])) : 0.0;
    }
  }
}

}  // namespace aisp::kernels::softmax
