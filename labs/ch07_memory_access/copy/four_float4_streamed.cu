// The same with hints that nothing will be used again: lines are the first to leave the caches.
// Source: PTX ISA 9.0, 9.7.9.1 (cache operators: ld.global.cs, st.global.cs).
#include "labs/ch07_memory_access/copy/words.cuh"

namespace aisp::labs::ch07::copy {

std::unique_ptr<bench::Plan> plan_four_float4_streamed(const bench::Params& params) {
  return plan_words<float4, 4, Cache::kStream>(params);
}

}  // namespace aisp::labs::ch07::copy
