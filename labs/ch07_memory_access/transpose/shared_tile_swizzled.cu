// The same tile with column c of row r in place c ^ r: no conflict, nothing added.
#include "labs/ch07_memory_access/transpose/shared_tiles.cuh"

namespace aisp::labs::ch07::transpose {

std::unique_ptr<bench::Plan> plan_shared_tile_swizzled(const bench::Params& params) {
  return plan_shared_tiles<Swizzled>(params);
}

}  // namespace aisp::labs::ch07::transpose
