// Two buffers: the copies of the next slice are under way while this one is multiplied.
#include "labs/ch10_pipelines/double_buffered_pipeline/tiles.cuh"

namespace aisp::labs::ch10::double_buffered_pipeline {

std::unique_ptr<bench::Plan> plan_double_buffer(const bench::Params& params) {
  return plan_tiles<2>(params);
}

}  // namespace aisp::labs::ch10::double_buffered_pipeline
