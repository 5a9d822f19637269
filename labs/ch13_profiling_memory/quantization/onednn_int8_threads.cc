// oneDNN's product of 8-bit integers on every core.
#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {

bench::Technique onednn_int8_threads() { return peer_int8("onednn_int8_threads", 0); }

}  // namespace aisp::labs::ch13::quantization
