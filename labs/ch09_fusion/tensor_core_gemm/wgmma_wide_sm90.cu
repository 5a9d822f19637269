// Tiles of 128 x 256: each slice of A serves twice the columns, so that a multiprocessor asks L2
// for three quarters of the bytes. Four buffers of 48 KiB.
#include "labs/ch09_fusion/tensor_core_gemm/wgmma_plan.h"

namespace aisp::labs::ch09::tensor_core_gemm {

std::unique_ptr<bench::Plan> plan_wgmma_wide(const bench::Params& params) {
  return plan_wgmma<256, 4>(params);
}

}  // namespace aisp::labs::ch09::tensor_core_gemm
