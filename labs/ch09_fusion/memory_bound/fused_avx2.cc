// One pass over memory: the avx2 variant of kernels/norm.
#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

bench::Technique fused_avx2() {
  return kernel_variant("fused_avx2", "each row once from memory, 8 lanes", "avx2");
}

}  // namespace aisp::labs::ch09::memory_bound
