// Peer: oneDNN's softmax primitive on one thread.
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

bench::Technique onednn() { return peer("onednn", "oneDNN's softmax primitive", 1); }

}  // namespace aisp::labs::ch09::online_softmax
