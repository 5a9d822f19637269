// The tile as one writes it first: a column of it lies in one bank, 32 turns for a warp's read.
#include "labs/ch07_memory_access/transpose/shared_tiles.cuh"

namespace aisp::labs::ch07::transpose {

std::unique_ptr<bench::Plan> plan_shared_tile(const bench::Params& params) {
  return plan_shared_tiles<Plain>(params);
}

}  // namespace aisp::labs::ch07::transpose
