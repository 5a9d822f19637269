// The same with two pipelines of six warps in each block: more rows under way for each batch.
#include "labs/ch11_streams/warp_specialized_multistream/roles.cuh"

namespace aisp::labs::ch11::warp_specialized_multistream {

std::unique_ptr<bench::Plan> plan_two_pipelines(const bench::Params& params) {
  return plan_batches<2>(params, 1);
}

}  // namespace aisp::labs::ch11::warp_specialized_multistream
