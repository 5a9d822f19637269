// One buffer of 18 KB: fetch, wait, multiply, and again. Only the other block on the multiprocessor
// hides the waiting.
#include "labs/ch10_pipelines/double_buffered_pipeline/tiles.cuh"

namespace aisp::labs::ch10::double_buffered_pipeline {

std::unique_ptr<bench::Plan> plan_shared_tile(const bench::Params& params) {
  return plan_tiles<1>(params);
}

}  // namespace aisp::labs::ch10::double_buffered_pipeline
