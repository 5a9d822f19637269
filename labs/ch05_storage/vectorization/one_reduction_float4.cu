// One reduction with four loads of 16 bytes in flight in each thread, 64 bytes instead of 4.
#include "labs/ch05_storage/vectorization/reduction.cuh"

namespace aisp::labs::ch05::vectorization {

std::unique_ptr<bench::Plan> plan_one_reduction_float4(const bench::Params& params) {
  return plan_reduction<4, 4>(params);
}

}  // namespace aisp::labs::ch05::vectorization
