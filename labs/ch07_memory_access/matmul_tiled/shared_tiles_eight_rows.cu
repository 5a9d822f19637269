// The same tiles, a thread for eight rows of a column: the element of B that it loads serves eight
// multiply-adds, and those of A come four in one instruction.
#include "labs/ch07_memory_access/matmul_tiled/tiles.cuh"

namespace aisp::labs::ch07::matmul_tiled {

std::unique_ptr<bench::Plan> plan_shared_tiles_eight_rows(const bench::Params& p) {
  return plan_tiles<8>(p);
}

}  // namespace aisp::labs::ch07::matmul_tiled
