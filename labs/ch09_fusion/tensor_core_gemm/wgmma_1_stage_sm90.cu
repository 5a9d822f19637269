// Tensor cores fed from one buffer: the copy engine waits until the slice has been multiplied, the
// tensor cores until the next one has come.
#include "labs/ch09_fusion/tensor_core_gemm/wgmma_plan.h"

namespace aisp::labs::ch09::tensor_core_gemm {

std::unique_ptr<bench::Plan> plan_wgmma_1_stage(const bench::Params& params) {
  return plan_wgmma<128, 1>(params);
}

}  // namespace aisp::labs::ch09::tensor_core_gemm
