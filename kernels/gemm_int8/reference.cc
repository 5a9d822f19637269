// The formula, in 64-bit integers, row by row.
#include "kernels/gemm_int8/gemm_int8.h"

namespace aisp::kernels::gemm_int8 {
namespace {

template <class A>
void multiply(const Shape& shape, const RowStrides& strides, const A* a, const std::int8_t* b,
              std::int64_t* c) {
  const std::int64_t a_stride = strides.a != 0 ? strides.a : shape.k;
  const std::int64_t b_stride = strides.b != 0 ? strides.b : shape.n;
  for (std::int64_t i = 0; i < shape.m; ++i) {
    std::int64_t* c_row = c + i * shape.n;  // [n]
    for (std::int64_t j = 0; j < shape.n; ++j) c_row[j] = 0;
    for (std::int64_t p = 0; p < shape.k; ++p) {
      const std::int64_t value = a[i * a_stride + p];
      const std::int8_t* b_row = b + p * b_stride;  // [n]
      for (std::int64_t j = 0; j < shape.n; ++j) c_row[j] += value * b_row[j];
    }
  }
}

}  // namespace

void reference(const Shape& shape, const RowStrides& strides, const std::uint8_t* a,
               const std::int8_t* b, std::int64_t* c) {
  multiply(shape, strides, a, b, c);
}

void reference(const Shape& shape, const RowStrides& strides, const std::int8_t* a,
               const std::int8_t* b, std::int64_t* c) {
  multiply(shape, strides, a, b, c);
}

}  // namespace aisp::kernels::gemm_int8
