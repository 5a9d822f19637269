// Online by blocks: the avx512 variant of kernels/softmax.
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

bench::Technique online_avx512() {
  return kernel_variant("online_avx512", "online by blocks, 16 lanes", "avx512");
}

}  // namespace aisp::labs::ch09::online_softmax
