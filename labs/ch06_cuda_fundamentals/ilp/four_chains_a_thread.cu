// Four chains in flight in each thread, a quarter of the threads: the same chains, woven by the
// thread instead of by the scheduler.
#include "labs/ch06_cuda_fundamentals/ilp/chains.cuh"

namespace aisp::labs::ch06::ilp {

std::unique_ptr<bench::Plan> plan_four_chains_a_thread(const bench::Params& params) {
  return plan_on_gpu<4>(params, many_warps(params, 4));
}

}  // namespace aisp::labs::ch06::ilp
