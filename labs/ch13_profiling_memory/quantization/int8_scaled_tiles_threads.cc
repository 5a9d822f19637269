// The 8-bit layer on every core.
#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {

bench::Technique int8_scaled_tiles_threads() {
  return scaled_tiles("int8_scaled_tiles_threads", 0);
}

}  // namespace aisp::labs::ch13::quantization
