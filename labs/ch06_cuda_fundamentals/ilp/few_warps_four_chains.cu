// Four chains a thread and one warp a scheduler: the latency of four cycles is filled again.
// Source: V. Volkov, "Better performance at lower occupancy", GTC 2010.
#include "labs/ch06_cuda_fundamentals/ilp/chains.cuh"

namespace aisp::labs::ch06::ilp {

std::unique_ptr<bench::Plan> plan_few_warps_four_chains(const bench::Params& params) {
  return plan_on_gpu<4>(params, few_warps());
}

}  // namespace aisp::labs::ch06::ilp
