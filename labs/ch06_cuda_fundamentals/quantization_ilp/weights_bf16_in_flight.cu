// Weights in bf16, four loads on their way in each lane.
#include "labs/ch06_cuda_fundamentals/quantization_ilp/rows.cuh"

namespace aisp::labs::ch06::quantization_ilp {

std::unique_ptr<bench::Plan> plan_weights_bf16_in_flight(const bench::Params& params) {
  return plan_rows<Bf16, 4>(params);
}

}  // namespace aisp::labs::ch06::quantization_ilp
