// The tile with one float of padding a row, the textbook's cure.
// Source: CUDA C++ Best Practices Guide, 10.2.3 (shared memory and memory banks).
#include "labs/ch06_cuda_fundamentals/bank_conflicts/column_tiles.cuh"

namespace aisp::labs::ch06::bank_conflicts {

std::unique_ptr<bench::Plan> plan_shared_tile_padded(const bench::Params& params) {
  return plan_tiles<Padded>(params);
}

}  // namespace aisp::labs::ch06::bank_conflicts
