// Tiled attention with online softmax: the avx2 variant of kernels/attention on one thread.
#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {

bench::Technique tiled_avx2() {
  return kernel_variant("tiled_avx2", "tiles with online softmax, 8 lanes, 4 x 3 register tiles",
                        "avx2", 1);
}

}  // namespace aisp::labs::ch10::flash_attention
