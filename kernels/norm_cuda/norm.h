// RMSNorm and LayerNorm of rows on the device, between the blocks of every transformer, fused with
// what stands beside them there: the addition of the residual stream before and the quantisation
// after. A row is read once into registers, reduced, and written. Rows through a ring in shared
// memory that the copy engine fills were slower on one H200: 3.4 TB/s with a warp for each row, 3.4
// to 3.6 with a block, 4.0 from registers (16384 x 4096).
//
// Floor: the bytes below over the card's copy bandwidth. Prediction for one H200 (copy 4.1 TB/s):
// 16384 x 4096 bf16, 268 MB: 65 us; with residual 537 MB: 131 us; to int8 201 MB: 49 us; backward
// 403 MB: 98 us, plus 2 % for partial sums of the weight's gradient.
// Reading order: this contract, norm.cuh (the kernels), variants.cc (table and choice).
// Source: B. Zhang and R. Sennrich, "Root mean square layer normalization" (2019); J. Ba et al.,
// "Layer normalization" (2016).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "kernels/cuda/grid.h"
#include "kernels/cuda/storage.h"
#include "machine/device.h"

namespace aisp::kernels::norm_cuda {

enum class Kind {
  kRms,    // y = x / sqrt(mean(x^2) + epsilon) * weight
  kLayer,  // y = (x - mean(x)) / sqrt(mean((x - mean)^2) + epsilon) * weight + bias
};
enum class Output { kSame, kInt8, kFp8E4m3 };  // kSame: the type of x

/// rows x n, tight, all of `type` (kF32 or kBF16) but y when `output` is quantised. Any alignment
/// of an element; packs of 16 bytes when every pointer and n allow them. Device pointers.
/// residual given: x + residual, rounded to `type`, is written to `sum` (which may be x or
/// residual) and normalised. y may be x; no other overlaps. Quantised: y[r][i] * scale[r], scale =
/// max |y| / largest (1 where a row is all zero), one float a row; kRms and bf16 only.
struct Request {
  DType type = DType::kBF16;
  Kind kind = Kind::kRms;
  Output output = Output::kSame;
  std::int64_t rows = 0;
  std::int64_t n = 0;  // 1..longest_row(): 65536 bf16, 32768 f32
  const void* x = nullptr;
  const void* residual = nullptr;  // nullptr: none
  void* sum = nullptr;             // with residual
  const void* weight = nullptr;    // n
  const void* bias = nullptr;      // n; kLayer; nullptr: none
  void* y = nullptr;
  float* scale = nullptr;  // rows; quantised output
  float epsilon = 1e-5F;
  machine::CudaStream stream = nullptr;
};

/// Enqueues. Throws Error when the launch fails. NaN and infinities spoil their row alone. Error,
/// with u = 2^-24, d = x - mean (kRms: x), s the factor before the weight: |error| <= u (|w| s
/// ((6 sqrt(n + 2) + 12) |d| + 6 sqrt(n + 2) (mean|d| + |mean| + deviation)) + 2 |y| + |b|), then
/// the rounding of the output; the second term for kLayer only. The sum of squares must not
/// overflow. Bytes: x and y once; with residual x, residual, sum and y once.
void normalize(const Request& request);

/// Pure.
cuda::RowConfig choose_config(const Request& request);

/// The gradient of kRms: with h = dy * weight, s = 1 / sqrt(mean(x^2) + epsilon),
/// dx = s (h - x s^2 mean(h x)) + dx_add, dweight[i] = sum over rows of dy x s, in f32.
/// x, weight, dy, dx, dx_add of `type`; dx may be dy; `dx_add` (nullptr: none) is the gradient that
/// arrives past the norm. `partial` is scratch of backward_scratch_floats(). The result does not
/// depend on timing. Error: dx u (s (6 sqrt(n + 2) + 16) (|h| + |x| s^2 mean|h x|) + |dx_add|) and
/// the rounding to `type`; dweight u (6 sqrt(rows + n) + 16) sum |dy x s|.
/// Bytes: x, dy, dx (and dx_add) once, and the scratch twice.
struct Backward {
  DType type = DType::kBF16;
  std::int64_t rows = 0;
  std::int64_t n = 0;  // 1..16384 bf16, 8192 f32
  const void* x = nullptr;
  const void* weight = nullptr;
  const void* dy = nullptr;
  const void* dx_add = nullptr;
  void* dx = nullptr;
  float* dweight = nullptr;
  float* partial = nullptr;
  float epsilon = 1e-5F;
  machine::CudaStream stream = nullptr;
};
/// Longest row of backward(): 512 threads with 4 packs of each input.
constexpr std::int64_t longest_backward_row(int element_bytes) {
  return 512 * 4 * (16 / element_bytes);
}
/// Blocks of backward() that fit on a multiprocessor with 512 threads each.
constexpr int backward_blocks(int packs) { return packs == 1 ? 2 : 1; }
std::int64_t backward_scratch_floats(const Backward& request, const machine::CudaDevice& device);
void backward(const Backward& request);
cuda::RowConfig choose_config(const Backward& request, const machine::CudaDevice& device);

/// One implementation: what it needs and its functions, null in a build without CUDA.
struct Variant {
  std::string_view name;
  void (*run)(const Request&, const cuda::RowConfig&);
  void (*run_backward)(const Backward&, const cuda::RowConfig&);

  /// "" or why it cannot run on `device`.
  std::string why_not(const machine::CudaDevice& device) const;
};
/// Listed in every build.
std::span<const Variant> variants();

}  // namespace aisp::kernels::norm_cuda
