// Peer: oneDNN's sgemm on every core.
#include "labs/ch02_hardware/cublas/problem.h"

namespace aisp::labs::ch02::cublas {

bench::Technique onednn_threads() {
  return bench::matmul::peer(machine::PeerLibrary::kOneDnn, "onednn_threads", 0);
}

}  // namespace aisp::labs::ch02::cublas
