// FlashAttention-3's form: a producer warp brings tiles by the copy engine, warpgroups multiply
// with wgmma, and the softmax of one tile runs while the tensor cores have the next product.
#include "labs/ch10_pipelines/flashattention3_pipeline/problem.h"

namespace aisp::labs::ch10::flashattention3_pipeline {

bench::Technique wgmma_roles() {
  return kernel_variant("wgmma_roles", "a producer by TMA, wgmma, softmax beside the products",
                        "flash_sm90");
}

}  // namespace aisp::labs::ch10::flashattention3_pipeline
