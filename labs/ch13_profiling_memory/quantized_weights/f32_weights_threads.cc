// f32 weights on every core.
#include "labs/ch13_profiling_memory/quantized_weights/problem.h"

namespace aisp::labs::ch13::quantized_weights {

bench::Technique f32_weights_threads() {
  return with_weights("f32_weights_threads", "f32 weights, every core", kF32, 0);
}

}  // namespace aisp::labs::ch13::quantized_weights
