// Peer: OpenBLAS's sgemm, the whole product in one call on every core.
#include "labs/ch03_system/gemm/problem.h"

namespace aisp::labs::ch03::gemm {

bench::Technique openblas_threads() {
  return bench::matmul::peer(machine::PeerLibrary::kOpenBlas, "openblas_threads", 0);
}

}  // namespace aisp::labs::ch03::gemm
