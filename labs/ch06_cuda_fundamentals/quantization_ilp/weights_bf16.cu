// Weights in bf16: half the bytes, the same loop.
#include "labs/ch06_cuda_fundamentals/quantization_ilp/rows.cuh"

namespace aisp::labs::ch06::quantization_ilp {

std::unique_ptr<bench::Plan> plan_weights_bf16(const bench::Params& params) {
  return plan_rows<Bf16, 1>(params);
}

}  // namespace aisp::labs::ch06::quantization_ilp
