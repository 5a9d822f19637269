// Peer: OpenBLAS's sgemm on every core.
#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {

bench::Technique openblas_threads() {
  return peer(machine::PeerLibrary::kOpenBlas, "openblas_threads", 0);
}

}  // namespace aisp::labs::ch07::matmul_tiled
