// Q4_0: 4 bits and a scale for 32 weights, 0.56 bytes each, multiplied like 8-bit ones after a
// mask.
#include "labs/ch13_profiling_memory/quantized_weights/problem.h"

namespace aisp::labs::ch13::quantized_weights {

bench::Technique int4_weights() {
  return with_weights("int4_weights", "4-bit weights in integers, one thread", kQ4_0, 1);
}

}  // namespace aisp::labs::ch13::quantized_weights
