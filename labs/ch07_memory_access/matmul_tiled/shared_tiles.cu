// Tiles of 32 x 32 in shared memory, a thread for each element of C: two loads from shared memory
// for each multiply-add are now the limit.
#include "labs/ch07_memory_access/matmul_tiled/tiles.cuh"

namespace aisp::labs::ch07::matmul_tiled {

std::unique_ptr<bench::Plan> plan_shared_tiles(const bench::Params& p) { return plan_tiles<1>(p); }

}  // namespace aisp::labs::ch07::matmul_tiled
