// One slice in shared memory: fetch, wait, multiply, and again. Two or three blocks share a
// multiprocessor (33 KB each), which hides some of the waiting.
#include "labs/ch10_pipelines/warp_specialized/same_warps.cuh"

namespace aisp::labs::ch10::warp_specialized {

std::unique_ptr<bench::Plan> plan_one_stage(const bench::Params& params) {
  return plan_same_warps<1>(params);
}

}  // namespace aisp::labs::ch10::warp_specialized
