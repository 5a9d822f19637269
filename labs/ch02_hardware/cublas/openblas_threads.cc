// Peer: OpenBLAS's sgemm on every core.
#include "labs/ch02_hardware/cublas/problem.h"

namespace aisp::labs::ch02::cublas {

bench::Technique openblas_threads() {
  return bench::matmul::peer(machine::PeerLibrary::kOpenBlas, "openblas_threads", 0);
}

}  // namespace aisp::labs::ch02::cublas
