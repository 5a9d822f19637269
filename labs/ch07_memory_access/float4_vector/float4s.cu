// One float4 a thread: 32 bytes on their way from memory in each instead of 8.
#include "labs/ch07_memory_access/float4_vector/wide_add.cuh"

namespace aisp::labs::ch07::float4_vector {

std::unique_ptr<bench::Plan> plan_float4s(const bench::Params& params) {
  return plan_words<float4, 1>(params);
}

}  // namespace aisp::labs::ch07::float4_vector
