// Peer: oneDNN's sgemm on one thread.
#include "labs/ch06_cuda_fundamentals/autotuning/problem.h"

namespace aisp::labs::ch06::autotuning {

bench::Technique onednn() {
  return bench::matmul::peer(machine::PeerLibrary::kOneDnn, "onednn", 1);
}

}  // namespace aisp::labs::ch06::autotuning
