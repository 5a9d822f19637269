// Peer: oneDNN's sgemm, one call for each matrix, every core allowed.
#include "labs/ch01_performance_basics/gemm/problem.h"

namespace aisp::labs::ch01::gemm {

bench::Technique onednn() { return peer(machine::PeerLibrary::kOneDnn, "onednn"); }

}  // namespace aisp::labs::ch01::gemm
