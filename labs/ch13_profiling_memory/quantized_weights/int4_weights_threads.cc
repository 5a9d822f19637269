// 4-bit weights on every core.
#include "labs/ch13_profiling_memory/quantized_weights/problem.h"

namespace aisp::labs::ch13::quantized_weights {

bench::Technique int4_weights_threads() {
  return with_weights("int4_weights_threads", "4-bit weights in integers, every core", kQ4_0, 0);
}

}  // namespace aisp::labs::ch13::quantized_weights
