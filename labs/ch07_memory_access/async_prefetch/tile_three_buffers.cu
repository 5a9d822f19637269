// Three tiles: two are on their way, 16 KB for each of eight blocks. Four would need 256 KB on a
// multiprocessor that has 227.
#include "labs/ch07_memory_access/async_prefetch/tiles.cuh"

namespace aisp::labs::ch07::async_prefetch {

std::unique_ptr<bench::Plan> plan_tile_three_buffers(const bench::Params& params) {
  return plan_runs(params, score_pipelined<3>);
}

}  // namespace aisp::labs::ch07::async_prefetch
