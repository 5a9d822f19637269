// The f32 product on every core.
#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {

bench::Technique f32_gemm_threads() { return f32("f32_gemm_threads", 0); }

}  // namespace aisp::labs::ch13::quantization
