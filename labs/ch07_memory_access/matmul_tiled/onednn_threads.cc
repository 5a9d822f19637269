// Peer: oneDNN's sgemm on every core.
#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {

bench::Technique onednn_threads() {
  return peer(machine::PeerLibrary::kOneDnn, "onednn_threads", 0);
}

}  // namespace aisp::labs::ch07::matmul_tiled
