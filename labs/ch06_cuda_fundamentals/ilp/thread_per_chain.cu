// The device baseline: a thread for each chain, one step waiting for the last. What the thread does
// not hide, other warps do: 16 for each scheduler when all places are taken.
#include "labs/ch06_cuda_fundamentals/ilp/chains.cuh"

namespace aisp::labs::ch06::ilp {

std::unique_ptr<bench::Plan> plan_thread_per_chain(const bench::Params& params) {
  return plan_on_gpu<1>(params, many_warps(params, 1));
}

}  // namespace aisp::labs::ch06::ilp
