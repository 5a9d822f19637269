// The formula in double. Slow and plain on purpose: what the variants are compared with.
#include <cmath>

#include "docs/skeleton/kernel/scaled_add.h"

namespace aisp::skeleton::kernel {

void reference(float alpha, const Arrays& arrays, std::span<double> value,
               std::span<double> scale) {
  for (std::size_t i = 0; i < arrays.x.size(); ++i) {
    const double product = static_cast<double>(alpha) * arrays.y[i];
    value[i] = arrays.x[i] + product;
    scale[i] = std::abs(static_cast<double>(arrays.x[i])) + std::abs(product);
  }
}

}  // namespace aisp::skeleton::kernel
