// Four buffers of 32 KiB: three slices on their way, enough for the latency of memory.
#include "labs/ch09_fusion/tensor_core_gemm/wgmma_plan.h"

namespace aisp::labs::ch09::tensor_core_gemm {

std::unique_ptr<bench::Plan> plan_wgmma_4_stages(const bench::Params& params) {
  return plan_wgmma<128, 4>(params);
}

}  // namespace aisp::labs::ch09::tensor_core_gemm
