// Online by blocks: the portable variant of kernels/softmax.
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

bench::Technique online_portable() {
  return kernel_variant("online_portable", "online by blocks, 4 lanes, any machine", "portable");
}

}  // namespace aisp::labs::ch09::online_softmax
