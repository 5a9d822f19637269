// Four slices under way; the warps that multiply also ask for the next one, after a barrier.
#include "labs/ch10_pipelines/warp_specialized/same_warps.cuh"

namespace aisp::labs::ch10::warp_specialized {

std::unique_ptr<bench::Plan> plan_multi_stage(const bench::Params& params) {
  return plan_same_warps<kStages>(params);
}

}  // namespace aisp::labs::ch10::warp_specialized
