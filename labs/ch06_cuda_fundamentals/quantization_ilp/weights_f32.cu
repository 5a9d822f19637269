// The device baseline: weights in f32, the plain loop, which the compiler unrolls.
#include "labs/ch06_cuda_fundamentals/quantization_ilp/rows.cuh"

namespace aisp::labs::ch06::quantization_ilp {

std::unique_ptr<bench::Plan> plan_weights_f32(const bench::Params& params) {
  return plan_rows<F32, 1>(params);
}

}  // namespace aisp::labs::ch06::quantization_ilp
