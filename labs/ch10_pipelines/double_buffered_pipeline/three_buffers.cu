// Three buffers: two slices on their way, should one not be enough for the latency.
#include "labs/ch10_pipelines/double_buffered_pipeline/tiles.cuh"

namespace aisp::labs::ch10::double_buffered_pipeline {

std::unique_ptr<bench::Plan> plan_three_buffers(const bench::Params& params) {
  return plan_tiles<3>(params);
}

}  // namespace aisp::labs::ch10::double_buffered_pipeline
