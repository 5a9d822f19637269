// Stored rows to f32, and the f32 product of what came out.
#include <algorithm>
#include <cstring>

#include "base/dtype.h"
#include "base/simd_target.h"
#include "kernels/gemm/gemm.h"
#include "kernels/reduce/reduce.h"
#include "kernels/transpose/transpose.h"
#include "labs/ch16_production_inference/weight_quantization/problem.h"
#include "machine/cpu.h"

namespace aisp::labs::ch16::weight_quantization {
namespace portable {
namespace {
#include "labs/ch16_production_inference/weight_quantization/dequantize.inc"
}  // namespace
}  // namespace portable

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
namespace {
#include "labs/ch16_production_inference/weight_quantization/dequantize.inc"
}  // namespace
}  // namespace avx2
AISP_TARGET_END
#endif

void dequantize_row(const Shape& shape, const std::uint8_t* stored, float* to) {
  const std::int64_t blocks = shape.K / kernels::linear::source_block(shape.type).weights;
#if AISP_X86
  if (machine::cpu().avx2) return avx2::row(shape.type, stored, blocks, to);
#endif
  portable::row(shape.type, stored, blocks, to);
}

// Up to 8 rows of X a weight in L1 meets them one after the other; a tile pays from there on.
struct WideProduct::State {
  Shape shape;
  bool few;
  const float* x = nullptr;
  std::vector<float> turned, result;  // [K][M], [columns][M]
  std::unique_ptr<kernels::gemm::GemmPlan> product;

  State(const Shape& s, std::int64_t columns) : shape(s), few(s.M <= 8) {
    if (few) return;
    turned.resize(static_cast<std::size_t>(s.M * s.K));
    result.resize(static_cast<std::size_t>(s.M * columns));
    product = std::make_unique<kernels::gemm::GemmPlan>(kernels::gemm::Shape{columns, s.M, s.K});
  }
};

WideProduct::WideProduct(const Shape& shape, std::int64_t columns)
    : state_(std::make_unique<State>(shape, columns)) {}
WideProduct::~WideProduct() = default;

void WideProduct::begin(const float* x) {
  State& s = *state_;
  s.x = x;
  if (s.few) return;
  kernels::transpose::transpose({.in = x, .out = s.turned.data(), .shape = {s.shape.M, s.shape.K}});
}

void WideProduct::multiply(const float* w, std::int64_t first, std::int64_t count, float* y) {
  State& s = *state_;
  const auto depth = static_cast<std::size_t>(s.shape.K);
  if (s.few) {
    for (std::int64_t j = 0; j < count; ++j) {
      for (std::int64_t i = 0; i < s.shape.M; ++i) {
        y[i * s.shape.N + first + j] = static_cast<float>(
            kernels::reduce::dot({s.x + i * s.shape.K, depth}, {w + j * s.shape.K, depth}));
      }
    }
    return;
  }
  s.product->run_rows(count, w, s.turned.data(), s.result.data());
  kernels::transpose::transpose({.in = s.result.data(),
                                 .out = y + first,
                                 .shape = {count, s.shape.M},
                                 .strides = {.in = s.shape.M, .out = s.shape.N}});
}

}  // namespace aisp::labs::ch16::weight_quantization
