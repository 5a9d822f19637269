// The same tile with rows of 33 floats: the only difference.
#include "labs/ch07_memory_access/transpose/shared_tiles.cuh"

namespace aisp::labs::ch07::transpose {

std::unique_ptr<bench::Plan> plan_shared_tile_padded(const bench::Params& params) {
  return plan_shared_tiles<Padded>(params);
}

}  // namespace aisp::labs::ch07::transpose
