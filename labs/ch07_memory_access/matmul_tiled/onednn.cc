// Peer: oneDNN's sgemm on one thread.
#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {

bench::Technique onednn() { return peer(machine::PeerLibrary::kOneDnn, "onednn", 1); }

}  // namespace aisp::labs::ch07::matmul_tiled
