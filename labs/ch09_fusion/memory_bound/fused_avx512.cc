// One pass over memory: the avx512 variant of kernels/norm.
#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

bench::Technique fused_avx512() {
  return kernel_variant("fused_avx512", "each row once from memory, 16 lanes; 8 beyond the caches",
                        "avx512");
}

}  // namespace aisp::labs::ch09::memory_bound
