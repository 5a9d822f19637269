// Peer: OpenBLAS's sgemm on one thread.
#include "labs/ch09_fusion/micro_tiling/problem.h"

namespace aisp::labs::ch09::micro_tiling {

bench::Technique openblas() {
  return bench::matmul::peer(machine::PeerLibrary::kOpenBlas, "openblas", 1);
}

}  // namespace aisp::labs::ch09::micro_tiling
