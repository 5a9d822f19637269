// Peer: OpenBLAS's sgemm on one thread.
#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {

bench::Technique openblas() { return peer(machine::PeerLibrary::kOpenBlas, "openblas", 1); }

}  // namespace aisp::labs::ch07::matmul_tiled
