// Two tiles of shared memory: the next one is copied asynchronously while this one is computed on.
// Source: CUDA C++ Programming Guide, 7.28 (pipelines); PTX ISA 9.0, 9.7.9.25 (cp.async).
#include "labs/ch07_memory_access/async_prefetch/tiles.cuh"

namespace aisp::labs::ch07::async_prefetch {

std::unique_ptr<bench::Plan> plan_tile_double_buffer(const bench::Params& params) {
  return plan_runs(params, score_pipelined<2>);
}

}  // namespace aisp::labs::ch07::async_prefetch
