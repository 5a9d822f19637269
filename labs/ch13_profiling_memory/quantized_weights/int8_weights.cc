// Q8_0: 8 bits and a scale for 32 weights, 1.06 bytes each. Rows of x are rounded to 8 bits inside
// the call, products are exact integers.
#include "labs/ch13_profiling_memory/quantized_weights/problem.h"

namespace aisp::labs::ch13::quantized_weights {

bench::Technique int8_weights() {
  return with_weights("int8_weights", "8-bit weights in integers, one thread", kQ8_0, 1);
}

}  // namespace aisp::labs::ch13::quantized_weights
