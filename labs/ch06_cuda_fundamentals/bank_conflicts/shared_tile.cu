// The device baseline: a tile of 32 x 32 in shared memory as one writes it. Reading a column of it,
// the 32 lanes of a warp ask one bank for 32 different rows: 32 turns instead of one.
#include "labs/ch06_cuda_fundamentals/bank_conflicts/column_tiles.cuh"

namespace aisp::labs::ch06::bank_conflicts {

std::unique_ptr<bench::Plan> plan_shared_tile(const bench::Params& params) {
  return plan_tiles<Plain>(params);
}

}  // namespace aisp::labs::ch06::bank_conflicts
