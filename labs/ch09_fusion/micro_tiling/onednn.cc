// Peer: oneDNN's sgemm on one thread.
#include "labs/ch09_fusion/micro_tiling/problem.h"

namespace aisp::labs::ch09::micro_tiling {

bench::Technique onednn() {
  return bench::matmul::peer(machine::PeerLibrary::kOneDnn, "onednn", 1);
}

}  // namespace aisp::labs::ch09::micro_tiling
