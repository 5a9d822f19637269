// A few rows at a time: what is widened is multiplied while it is in level 2, and never gets to
// memory.
#include "labs/ch16_production_inference/weight_quantization/problem.h"

namespace aisp::labs::ch16::weight_quantization {

// 64 rows of 2048 are 512 KiB, half of a level 2.
bench::Technique dequantize_rows() {
  return dequantized("dequantize_rows", "64 rows of W to f32 at a time, multiplied at once", 64);
}

}  // namespace aisp::labs::ch16::weight_quantization
