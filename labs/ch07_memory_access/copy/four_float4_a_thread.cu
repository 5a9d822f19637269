// Four loads of 16 bytes on their way in each thread before its first store: 64 bytes each.
// Source: J. Luitjens, "CUDA Pro Tip"; Little's law: 4.1 TB/s x 0.7 us are 22 KB in flight on each
// of 132 multiprocessors.
#include "labs/ch07_memory_access/copy/words.cuh"

namespace aisp::labs::ch07::copy {

std::unique_ptr<bench::Plan> plan_four_float4_a_thread(const bench::Params& params) {
  return plan_words<float4, 4>(params);
}

}  // namespace aisp::labs::ch07::copy
