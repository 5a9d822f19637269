// The device baseline: one float a thread.
#include "labs/ch07_memory_access/float4_vector/wide_add.cuh"

namespace aisp::labs::ch07::float4_vector {

std::unique_ptr<bench::Plan> plan_floats(const bench::Params& params) {
  return plan_words<float, 1>(params);
}

}  // namespace aisp::labs::ch07::float4_vector
