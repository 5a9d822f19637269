// A block for each tile, which the copy engine brings: no address arithmetic or tests of borders in
// threads; other blocks of the multiprocessor hide the waiting.
#include "labs/ch10_pipelines/tma_2d_pipeline/boxes.cuh"

namespace aisp::labs::ch10::tma_2d_pipeline {

std::unique_ptr<bench::Plan> plan_one_tile(const bench::Params& params) {
  return plan_boxes<1>(params, 0);
}

}  // namespace aisp::labs::ch10::tma_2d_pipeline
