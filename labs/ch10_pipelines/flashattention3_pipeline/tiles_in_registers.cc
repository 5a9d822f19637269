// FlashAttention-2's form: each warp keeps its queries' scores and sums in registers, multiplies
// with mma.sync, and all warps load the next tile of keys together (cp.async). Any card from sm_80.
#include "labs/ch10_pipelines/flashattention3_pipeline/problem.h"

namespace aisp::labs::ch10::flashattention3_pipeline {

bench::Technique tiles_in_registers() {
  return kernel_variant("tiles_in_registers", "online softmax, mma.sync, all warps alike", "mma");
}

}  // namespace aisp::labs::ch10::flashattention3_pipeline
