// oneDNN's sgemm on every core.
#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {

bench::Technique onednn_f32_threads() { return peer_f32("onednn_f32_threads", 0); }

}  // namespace aisp::labs::ch13::quantization
