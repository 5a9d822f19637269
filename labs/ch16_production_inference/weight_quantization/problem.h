// Y[M,N] = X[M,K] W[N,K]^T where W was quantised when the model was made: the same quantised
// weights are the input of every technique. Params: M, N, K, bits and block: 8 and 32 (Q8_0), 4 and
// 32 (Q4_0), 4 and 256 (Q4_K). Inputs: x f32; W as model files store it (`stored`, [N][blocks]), as
// the engine packs it once (`packed`, kernels/linear/layout.h), and widened once to f32, packed for
// the same product (`wide`): the model that was not quantised, with the same numbers. Output: y
// f32.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"
#include "kernels/linear/linear.h"

namespace aisp::labs::ch16::weight_quantization {

enum Input : std::size_t { kX, kStored, kPacked, kWide };
enum Output : std::size_t { kY };

struct Shape {
  explicit Shape(const bench::Params& params);
  std::int64_t M, N, K;
  kernels::linear::Type type;
  std::int64_t row_bytes() const {  // of a stored row
    const auto block = kernels::linear::source_block(type);
    return K / block.weights * block.bytes;
  }
};

/// One stored row to f32 by the formulas of its type, whole blocks in loops that the compiler makes
/// vectors of; AVX2 where it can run. Each weight rounds at most twice.
void dequantize_row(const Shape& shape, const std::uint8_t* stored, float* to);

/// y[i] = x[i] . w for rows of dequantised weights: dot products for few rows of X, else a product
/// with X turned once a call.
class WideProduct {
 public:
  /// For `columns` weights rows at a time.
  WideProduct(const Shape& shape, std::int64_t columns);
  ~WideProduct();
  /// Before the first multiply() of a call.
  void begin(const float* x);
  /// Columns first .. first + count - 1 of Y from `w`, count x K.
  void multiply(const float* w, std::int64_t first, std::int64_t count, float* y);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

bench::Technique dequantize_matrix();
bench::Technique dequantize_rows();
bench::Technique wide_weights();
bench::Technique packed_integers();
bench::Technique packed_integers_threads();

/// W dequantised `columns` rows at a time (0: all), then multiplied.
bench::Technique dequantized(const char* name, const char* summary, std::int64_t columns);
/// The engine's product with the packed weights of an input; threads as in Technique.
bench::Technique engine(const char* name, const char* summary, Input weights, int threads);

}  // namespace aisp::labs::ch16::weight_quantization
