// Online by blocks: the avx2 variant of kernels/softmax.
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

bench::Technique online_avx2() {
  return kernel_variant("online_avx2", "online by blocks, 8 lanes", "avx2");
}

}  // namespace aisp::labs::ch09::online_softmax
