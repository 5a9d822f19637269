// Two float4 a thread, a block apart: the same 64 bytes on their way, every request whole.
#include "labs/ch07_memory_access/float4_vector/wide_add.cuh"

namespace aisp::labs::ch07::float4_vector {

std::unique_ptr<bench::Plan> plan_two_float4s(const bench::Params& params) {
  return plan_words<float4, 2>(params);
}

}  // namespace aisp::labs::ch07::float4_vector
