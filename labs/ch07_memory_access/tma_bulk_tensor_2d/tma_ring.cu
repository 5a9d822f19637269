// Three blocks on each multiprocessor, each with a ring of four tiles: 192 of its 227 KB, loads and
// stores always under way, and no block to start for each tile.
#include "labs/ch07_memory_access/tma_bulk_tensor_2d/tma_boxes.cuh"

namespace aisp::labs::ch07::tma_bulk_tensor_2d {

std::unique_ptr<bench::Plan> plan_tma_ring(const bench::Params& params) {
  return plan_boxes<4>(params, 3);
}

}  // namespace aisp::labs::ch07::tma_bulk_tensor_2d
