// One pass over memory: the portable variant of kernels/norm.
#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

bench::Technique fused_portable() {
  return kernel_variant("fused_portable", "each row once from memory, 4 lanes, any machine",
                        "portable");
}

}  // namespace aisp::labs::ch09::memory_bound
