// Persistent blocks whose two warpgroups take whole tiles in turn: while one stores its tile the
// other multiplies, so the tensor cores never wait for a store. The producer fetches slices in the
// order of tiles. Named barriers hand the turn over: a warpgroup that waited for its slices too
// soon could take the parity of a phase two turns of the ring earlier for its own. Source: CUTLASS
// 3, sm90_gemm_tma_warpspecialized_pingpong.hpp.
#include <algorithm>

#include "labs/ch10_pipelines/warp_specialized/tile.cuh"
#include "machine/device.h"

namespace aisp::labs::ch10::warp_specialized {
namespace {

constexpr int kThreads = 384;
constexpr int kTurn = 1;  // and 2: the barriers of the two warpgroups' turns

__device__ void produce(const CUtensorMap& a_map, const CUtensorMap& b_map, const Product& p,
                        Slice* slices, Barrier* full, Barrier* empty, int steps, int tiles) {
  RingPosition<kStages> ring;
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const TileAt at = tile_at(p, tile);
    for (int step = 0; step < steps; ++step, ring.advance()) {
      barrier_wait(&empty[ring.stage], ring.parity ^ 1);
      barrier_arrive_expect(&full[ring.stage], kSliceBytes);
      tma_load(slices[ring.stage].a, a_map, &full[ring.stage], step * kDepth, at.row);
      tma_load(slices[ring.stage].b, b_map, &full[ring.stage], step * kDepth, at.column);
    }
  }
}

__device__ void consume(const Product& p, const Slice* slices, Barrier* full, Barrier* empty,
                        int steps, int tiles) {
  const int group = threadIdx.x / 128;
  RingPosition<kStages> ring;
  int turn = 0;
  if (group == 1) named_arrive(kTurn, 256);  // the first turn is the other's
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x, turn ^= 1) {
    if (turn != group) {  // the other warpgroup's slices
      for (int step = 0; step < steps; ++step) ring.advance();
      continue;
    }
    named_sync(kTurn + group, 256);
    float upper[64], lower[64];
    int before = 0;
    for (int step = 0; step < steps; ++step, ring.advance()) {
      barrier_wait(&full[ring.stage], ring.parity);
      wgmma_fence();
      multiply(upper, slices[ring.stage], 0, step > 0);
      multiply(lower, slices[ring.stage], 1, step > 0);
      wgmma_commit();
      wgmma_wait<1>();
      if (step > 0 && threadIdx.x % 128 == 0) barrier_arrive(&empty[before]);
      before = ring.stage;
    }
    if (tile + static_cast<int>(gridDim.x) < tiles) named_arrive(kTurn + 1 - group, 256);
    wgmma_wait<0>();
    pin_registers(upper);
    pin_registers(lower);
    if (threadIdx.x % 128 == 0) barrier_arrive(&empty[before]);
    const TileAt at = tile_at(p, tile);
    store(p, upper, at.row, at.column);
    store(p, lower, at.row + 64, at.column);
  }
}

__global__ void __launch_bounds__(kThreads, 1)
    pingpong_kernel(const __grid_constant__ CUtensorMap a_map,
                    const __grid_constant__ CUtensorMap b_map, Product p, int tiles) {
  extern __shared__ unsigned char shared[];
  __shared__ Barrier full[kStages], empty[kStages];
  Slice* const slices = slices_in(shared);
  if (threadIdx.x == 0) {
    for (int s = 0; s < kStages; ++s) {
      barrier_init(&full[s], 1);
      barrier_init(&empty[s], 1);  // a tile has one warpgroup
    }
    barrier_init_fence();
  }
  __syncthreads();
  const int steps = (p.k + kDepth - 1) / kDepth;
  if (threadIdx.x >= 256) {
    registers_shrink_to<40>();
    if (threadIdx.x == 256) produce(a_map, b_map, p, slices, full, empty, steps, tiles);
  } else {
    registers_grow_to<232>();  // 128 sums a thread; 2 x 232 + 40 <= 512
    consume(p, slices, full, empty, steps, tiles);
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_pingpong(const bench::Params& params) {
  const int shared = allow_shared(pingpong_kernel, kStages);
  const auto blocks = static_cast<unsigned>(machine::cuda_device().multiprocessors);
  return bench::plan_of([params, shared, blocks](const bench::Io& io) {
    const Launch launch = launch_of(params, io);
    pingpong_kernel<<<std::min(blocks, launch.tiles), kThreads, shared, io.stream()>>>(
        launch.a, launch.b, launch.product, static_cast<int>(launch.tiles));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::warp_specialized
