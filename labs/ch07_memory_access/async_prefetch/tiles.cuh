// The scores of one tile (a block of 16 keys) on the GPU, and the loops that bring tiles to it. A
// block of four warps walks along a run of the table; a warp owns four tokens of each tile, its
// lanes four floats of each key and of the four queries.
#pragma once

#include <cuda_pipeline_primitives.h>

#include <algorithm>

#include "labs/ch07_memory_access/async_prefetch/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::async_prefetch {

inline constexpr int kThreads = 128;
inline constexpr int kTokensEach = static_cast<int>(kTokens) / 4;  // of a warp
inline constexpr int kVectors = static_cast<int>(kTile) / 4;       // float4 of a tile: 4 a thread

/// Eight blocks on each multiprocessor, 1024 threads: what 64 registers a thread allow. Each walks
/// along its share of the table.
inline unsigned grid_of(const Call& call) {
  const auto places = std::int64_t{8} * machine::cuda_device().multiprocessors;
  return static_cast<unsigned>(std::min(places, call.last_block));
}

/// Tiles [first, last) of block blockIdx.x.
struct Stretch {
  std::int64_t first, last;
};
__device__ inline Stretch run_of(const Call& call) {
  const std::int64_t tiles = call.last_block, block = blockIdx.x, blocks = gridDim.x;
  return {tiles * block / blocks, tiles * (block + 1) / blocks};
}

/// The queries of the sequence that tile b belongs to, reloaded where the sequence changes.
struct Queries {
  float4 q[kHeads];
  std::int64_t sequence = -1;
  __device__ void load(const Call& call, std::int64_t b) {
    const std::int64_t wanted = b / call.blocks_each;
    if (wanted == sequence) return;
    sequence = wanted;
    const auto* from = reinterpret_cast<const float4*>(call.q + sequence * kHeads * kWidth);
#pragma unroll
    for (int h = 0; h < kHeads; ++h) q[h] = from[h * 32 + threadIdx.x % 32];
  }
};

/// key(t): this lane's four floats of the warp's token t. Stores the warp's 16 scores of tile b.
template <class Key>
__device__ void score(const Call& call, std::int64_t b, const Queries& queries, Key key) {
  constexpr int kValues = kTokensEach * static_cast<int>(kHeads);
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  float value[kValues];
#pragma unroll
  for (int t = 0; t < kTokensEach; ++t) {
    const float4 k = key(t);
#pragma unroll
    for (int h = 0; h < kHeads; ++h) {
      const float4 q = queries.q[h];
      value[t * kHeads + h] = q.x * k.x + q.y * k.y + q.z * k.z + q.w * k.w;
    }
  }
  // 16 sums over 32 lanes in 16 shuffles: at each step a lane gives away half of its sums and adds
  // the other half from its partner. Lanes 2 i and 2 i + 1 end with sum i.
#pragma unroll
  for (int step = 0; step < 4; ++step) {
    const int half = kValues / 2 >> step;
    const bool upper = (lane & (2 * half)) != 0;
#pragma unroll
    for (int i = 0; i < kValues / 2; ++i) {
      if (i >= half) break;
      const float give = upper ? value[i] : value[i + half];
      const float keep = upper ? value[i + half] : value[i];
      value[i] = keep + __shfl_xor_sync(~0U, give, 2 * half);
    }
  }
  value[0] += __shfl_xor_sync(~0U, value[0], 1);
  const unsigned token = warp * kTokensEach + lane / 2 / kHeads, head = lane / 2 % kHeads;
  if (lane % 2 == 0) call.scores[(b * kHeads + head) * kTokens + token] = value[0];
}

__device__ inline const float4* tile_of(const Call& call, std::int64_t b) {
  return reinterpret_cast<const float4*>(call.keys + call.table[b] * kTile);
}

/// kStages tiles of shared memory: one is computed on while the copies of the others are on their
/// way, which no thread waits for until its tile's turn.
template <int kStages>
__global__ void __launch_bounds__(kThreads, 8) score_pipelined(Call call) {
  __shared__ __align__(16) float4 tiles[kStages][kVectors];
  const Stretch run = run_of(call);
  const auto ask = [&](std::int64_t b, int stage) {
    if (b < run.last) {
      const float4* from = tile_of(call, b);
#pragma unroll
      for (int i = 0; i < kVectors; i += kThreads) {
        __pipeline_memcpy_async(&tiles[stage][i + threadIdx.x], from + i + threadIdx.x, 16);
      }
    }
    __pipeline_commit();  // an empty group at the end keeps the count
  };
#pragma unroll
  for (int stage = 0; stage < kStages - 1; ++stage) ask(run.first + stage, stage);
  Queries queries;
  int stage = 0;
  for (std::int64_t b = run.first; b < run.last; ++b) {
    __pipeline_wait_prior(kStages - 2);
    __syncthreads();  // the tile has come for all, and all have left the one that is overwritten
    ask(b + kStages - 1, (stage + kStages - 1) % kStages);
    queries.load(call, b);
    const float4* tile = tiles[stage] + threadIdx.x / 32 * (kTokensEach * 32) + threadIdx.x % 32;
    score(call, b, queries, [&](int t) { return tile[t * 32]; });
    stage = (stage + 1) % kStages;
  }
}

template <class Kernel>
std::unique_ptr<bench::Plan> plan_runs(const bench::Params& params, Kernel kernel) {
  return bench::plan_of([kernel, blocks_each = params["blocks_each"]](const bench::Io& io) {
    const Call call = call_of(io, blocks_each);
    kernel<<<grid_of(call), kThreads, 0, io.stream()>>>(call);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::async_prefetch
