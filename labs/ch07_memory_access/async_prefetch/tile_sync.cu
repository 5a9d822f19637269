// The device baseline: load a tile into shared memory, wait, compute, wait, next tile. What
// overlaps is what the multiprocessor's other blocks do meanwhile.
#include "labs/ch07_memory_access/async_prefetch/tiles.cuh"

namespace aisp::labs::ch07::async_prefetch {
namespace {

__global__ void __launch_bounds__(kThreads, 8) score_tiles(Call call) {
  __shared__ __align__(16) float4 tile[kVectors];
  const Stretch run = run_of(call);
  Queries queries;
  for (std::int64_t b = run.first; b < run.last; ++b) {
    const float4* from = tile_of(call, b);
#pragma unroll
    for (int i = 0; i < kVectors; i += kThreads) tile[i + threadIdx.x] = from[i + threadIdx.x];
    queries.load(call, b);
    __syncthreads();
    const float4* mine = tile + threadIdx.x / 32 * (kTokensEach * 32) + threadIdx.x % 32;
    score(call, b, queries, [&](int t) { return mine[t * 32]; });
    __syncthreads();
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_tile_sync(const bench::Params& params) {
  return plan_runs(params, score_tiles);
}

}  // namespace aisp::labs::ch07::async_prefetch
