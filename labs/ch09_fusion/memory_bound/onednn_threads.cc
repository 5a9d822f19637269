// Peer: oneDNN's layer normalization on every core.
#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

bench::Technique onednn_threads() {
  return peer("onednn_threads", "oneDNN's layer normalization, every core", 0);
}

}  // namespace aisp::labs::ch09::memory_bound
