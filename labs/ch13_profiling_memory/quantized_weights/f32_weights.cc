// The layer as it was trained: f32 weights, 4 bytes each.
#include "labs/ch13_profiling_memory/quantized_weights/problem.h"

namespace aisp::labs::ch13::quantized_weights {

bench::Technique f32_weights() {
  return with_weights("f32_weights", "f32 weights, one thread", kF32, 1);
}

}  // namespace aisp::labs::ch13::quantized_weights
