// Peer: OpenBLAS's sgemm on one thread.
#include "labs/ch02_hardware/cublas/problem.h"

namespace aisp::labs::ch02::cublas {

bench::Technique openblas() {
  return bench::matmul::peer(machine::PeerLibrary::kOpenBlas, "openblas", 1);
}

}  // namespace aisp::labs::ch02::cublas
