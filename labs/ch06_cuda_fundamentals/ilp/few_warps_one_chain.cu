// One chain a thread and one warp a scheduler: a multiply-add every fourth cycle, its latency.
#include "labs/ch06_cuda_fundamentals/ilp/chains.cuh"

namespace aisp::labs::ch06::ilp {

std::unique_ptr<bench::Plan> plan_few_warps_one_chain(const bench::Params& params) {
  return plan_on_gpu<1>(params, few_warps());
}

}  // namespace aisp::labs::ch06::ilp
