// The formula, in double, row by row.
#include <cmath>

#include "kernels/gemm/gemm.h"

namespace aisp::kernels::gemm {

void reference(const Shape& shape, const RowStrides& strides, const float* a, const float* b,
               double* c, double* scale) {
  const std::int64_t a_stride = strides.a != 0 ? strides.a : shape.k;
  const std::int64_t b_stride = strides.b != 0 ? strides.b : shape.n;
  for (std::int64_t i = 0; i < shape.m; ++i) {
    double* c_row = c + i * shape.n;                                       // [n]
    double* scale_row = scale != nullptr ? scale + i * shape.n : nullptr;  // [n]
    for (std::int64_t j = 0; j < shape.n; ++j) c_row[j] = 0.0;
    for (std::int64_t j = 0; scale_row != nullptr && j < shape.n; ++j) scale_row[j] = 0.0;
    for (std::int64_t p = 0; p < shape.k; ++p) {
      const double a_value = a[i * a_stride + p];
      const float* b_row = b + p * b_stride;  // [n]
      for (std::int64_t j = 0; j < shape.n; ++j) c_row[j] += a_value * b_row[j];
      if (scale_row == nullptr) continue;
      const double magnitude = std::fabs(a_value);
      for (std::int64_t j = 0; j < shape.n; ++j) scale_row[j] += magnitude * std::fabs(b_row[j]);
    }
  }
}

}  // namespace aisp::kernels::gemm
