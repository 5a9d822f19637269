// Peer: oneDNN's sgemm on one thread.
#include "labs/ch02_hardware/cublas/problem.h"

namespace aisp::labs::ch02::cublas {

bench::Technique onednn() {
  return bench::matmul::peer(machine::PeerLibrary::kOneDnn, "onednn", 1);
}

}  // namespace aisp::labs::ch02::cublas
