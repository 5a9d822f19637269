// Eight floats a thread in one struct. The two instructions of 16 bytes that it becomes each skip
// every other 16 bytes: a warp's request covers twice as many sectors as it uses.
#include "labs/ch07_memory_access/float4_vector/wide_add.cuh"

namespace aisp::labs::ch07::float4_vector {

std::unique_ptr<bench::Plan> plan_float8s(const bench::Params& params) {
  return plan_words<Float8, 1>(params);
}

}  // namespace aisp::labs::ch07::float4_vector
