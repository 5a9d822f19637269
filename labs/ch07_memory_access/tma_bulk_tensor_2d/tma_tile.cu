// A block for each tile of 64 x 64: one thread asks for it and sends it on. 13 blocks of 16 KB
// share a multiprocessor and overlap.
#include "labs/ch07_memory_access/tma_bulk_tensor_2d/tma_boxes.cuh"

namespace aisp::labs::ch07::tma_bulk_tensor_2d {

std::unique_ptr<bench::Plan> plan_tma_tile(const bench::Params& params) {
  return plan_boxes<1>(params, 0);
}

}  // namespace aisp::labs::ch07::tma_bulk_tensor_2d
