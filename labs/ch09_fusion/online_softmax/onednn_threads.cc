// Peer: oneDNN's softmax primitive on every core.
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

bench::Technique onednn_threads() {
  return peer("onednn_threads", "oneDNN's softmax primitive, every core", 0);
}

}  // namespace aisp::labs::ch09::online_softmax
