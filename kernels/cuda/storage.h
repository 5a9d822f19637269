// The types that memory-bound device kernels take and give, beside f32 and bf16.
#pragma once

#include <cstdint>

namespace aisp::kernels::cuda {

/// A quantised element: value = element * scale.
enum class Quantized {
  kInt8,     // -127..127, round to nearest even
  kFp8E4m3,  // largest 448, no infinity, round to nearest even
};
/// The element that the largest magnitude becomes.
constexpr float largest(Quantized type) { return type == Quantized::kInt8 ? 127.0F : 448.0F; }

}  // namespace aisp::kernels::cuda
