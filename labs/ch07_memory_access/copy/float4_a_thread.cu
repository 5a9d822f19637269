// One instruction of 16 bytes each way a thread: a quarter of the threads and of the instructions.
// Source: NVIDIA, "CUDA Pro Tip: Increase Performance with Vectorized Memory Access".
#include "labs/ch07_memory_access/copy/words.cuh"

namespace aisp::labs::ch07::copy {

std::unique_ptr<bench::Plan> plan_float4_a_thread(const bench::Params& params) {
  return plan_words<float4, 1>(params);
}

}  // namespace aisp::labs::ch07::copy
