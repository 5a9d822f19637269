// Tiled attention with online softmax: the avx512 variant of kernels/attention on one thread.
#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {

bench::Technique tiled_avx512() {
  return kernel_variant("tiled_avx512", "tiles with online softmax, 16 lanes, 8 x 2 register tiles",
                        "avx512", 1);
}

}  // namespace aisp::labs::ch10::flash_attention
