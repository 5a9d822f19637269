// Peer: OpenBLAS's sgemm, one call for each matrix, every core allowed.
#include "labs/ch01_performance_basics/gemm/problem.h"

namespace aisp::labs::ch01::gemm {

bench::Technique openblas() { return peer(machine::PeerLibrary::kOpenBlas, "openblas"); }

}  // namespace aisp::labs::ch01::gemm
