// Quantisation of rows on the device, before an int8 or fp8 product, and back: one scale a row, or
// one for each group of 128 columns.
//
// Floor: bytes over the card's copy bandwidth. Prediction for one H200 (copy 4.1 TB/s), 16384 x
// 8192 bf16 to or from one byte, 403 MB: 98 us.
// Reading order: this contract, quantize.cu (the kernels), variants.cc. Source: DeepSeek-AI,
// "DeepSeek-V3 technical report" (2024), 3.3 (groups of 128); OCP 8-bit floating point
// specification (2023).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "kernels/cuda/grid.h"
#include "kernels/cuda/storage.h"
#include "machine/device.h"

namespace aisp::kernels::quantize_cuda {

enum class Scales { kPerRow, kPerGroup128 };
inline constexpr int kGroup = 128;

/// values: rows x n of `type` (kF32 or kBF16), tight; elements: rows x n of one byte, tight;
/// scales: rows (kPerRow) or rows x ceil(n / 128), f32. Any alignment of an element; packs when the
/// pointers and n allow them.
struct Request {
  cuda::Quantized to = cuda::Quantized::kInt8;
  Scales per = Scales::kPerRow;
  DType type = DType::kBF16;
  std::int64_t rows = 0;
  std::int64_t n = 0;  // below 2^31; quantize kPerRow: up to cuda::longest_row()
  void* values = nullptr;
  void* elements = nullptr;
  float* scales = nullptr;
  machine::CudaStream stream = nullptr;
};

/// scale = max |value| / largest, the maximum taken as at least 1e-30; element = value / scale,
/// round to nearest even. |element * scale - value| <= scale / 2 (int8), half an e4m3 step (fp8),
/// plus 4 u |value|, u = 2^-24. NaN and infinities make their scale NaN or infinite.
void quantize(const Request& request);

/// value = element * scale, rounded once to f32 and once to `type`.
void dequantize(const Request& request);

/// Scales that a request has.
constexpr std::int64_t scale_count(const Request& r) {
  return r.per == Scales::kPerRow ? r.rows : r.rows * ((r.n + kGroup - 1) / kGroup);
}

struct Variant {
  std::string_view name;
  void (*quantize)(const Request&, bool aligned);  // null in a build without CUDA
  void (*dequantize)(const Request&, bool aligned);
  /// "" or why it cannot run on `device`.
  std::string why_not(const machine::CudaDevice& device) const;
};
/// Listed in every build.
std::span<const Variant> variants();

}  // namespace aisp::kernels::quantize_cuda
