// No shared memory: a warp reads its own four keys straight into registers, and the table tells it
// where the next ones are, whose loads it starts before it computes on these. No thread needs what
// another one loaded, so nothing waits for a barrier.
#include "labs/ch07_memory_access/async_prefetch/tiles.cuh"

namespace aisp::labs::ch07::async_prefetch {
namespace {

struct Keys {
  float4 key[kTokensEach];
};

__device__ Keys load_keys(const Call& call, std::int64_t b) {
  const float4* from = tile_of(call, b) + threadIdx.x / 32 * (kTokensEach * 32) + threadIdx.x % 32;
  Keys keys;
#pragma unroll
  for (int t = 0; t < kTokensEach; ++t) keys.key[t] = from[t * 32];
  return keys;
}

// Six blocks: 80 registers hold two tiles' keys, the queries and the sums.
__global__ void __launch_bounds__(kThreads, 6) score_tiles(Call call) {
  const Stretch run = run_of(call);
  if (run.first == run.last) return;
  Queries queries;
  Keys next = load_keys(call, run.first);
  for (std::int64_t b = run.first; b < run.last; ++b) {
    const Keys keys = next;
    if (b + 1 < run.last) next = load_keys(call, b + 1);
    queries.load(call, b);
    score(call, b, queries, [&](int t) { return keys.key[t]; });
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_tile_in_registers(const bench::Params& params) {
  return plan_runs(params, score_tiles);
}

}  // namespace aisp::labs::ch07::async_prefetch
