// The tile with columns exchanged by the row's number: no conflict and no padding, which matters
// where rows must stay a power of two (bulk copies, matrix instructions).
// Source: CUTLASS, cute/swizzle.hpp.
#include "labs/ch06_cuda_fundamentals/bank_conflicts/column_tiles.cuh"

namespace aisp::labs::ch06::bank_conflicts {

std::unique_ptr<bench::Plan> plan_shared_tile_swizzled(const bench::Params& params) {
  return plan_tiles<Swizzled>(params);
}

}  // namespace aisp::labs::ch06::bank_conflicts
