// Four blocks a multiprocessor stay, each with three tiles under way (56 KB of shared memory): the
// engine fetches while they compute.
#include "labs/ch10_pipelines/tma_2d_pipeline/boxes.cuh"

namespace aisp::labs::ch10::tma_2d_pipeline {

std::unique_ptr<bench::Plan> plan_tile_pipeline(const bench::Params& params) {
  return plan_boxes<3>(params, 4);
}

}  // namespace aisp::labs::ch10::tma_2d_pipeline
