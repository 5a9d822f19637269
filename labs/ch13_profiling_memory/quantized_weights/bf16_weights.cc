// bf16 weights, 2 bytes each, widened to f32 in registers: the same arithmetic as f32.
#include "labs/ch13_profiling_memory/quantized_weights/problem.h"

namespace aisp::labs::ch13::quantized_weights {

bench::Technique bf16_weights() {
  return with_weights("bf16_weights", "bf16 weights widened to f32, one thread", kBF16, 1);
}

}  // namespace aisp::labs::ch13::quantized_weights
