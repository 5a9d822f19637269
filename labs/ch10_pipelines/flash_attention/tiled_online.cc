// Tiled attention with online softmax: the portable variant of kernels/attention on one thread.
#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {

bench::Technique tiled_online() {
  return kernel_variant("tiled_online", "tiles with online softmax, 4 lanes, any machine",
                        "portable", 1);
}

}  // namespace aisp::labs::ch10::flash_attention
