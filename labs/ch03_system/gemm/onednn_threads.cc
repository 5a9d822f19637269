// Peer: oneDNN's sgemm, the whole product in one call on every core.
#include "labs/ch03_system/gemm/problem.h"

namespace aisp::labs::ch03::gemm {

bench::Technique onednn_threads() {
  return bench::matmul::peer(machine::PeerLibrary::kOneDnn, "onednn_threads", 0);
}

}  // namespace aisp::labs::ch03::gemm
