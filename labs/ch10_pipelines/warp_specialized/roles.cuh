// The loop with roles: a producer asks for slices as soon as they are free, two warpgroups multiply
// and say when they have read one. No barrier holds everybody. With clusters of two blocks, one
// above the other, each block fetches half of the slice of B and the copy engine delivers it to
// both: a slice is free when the consumers of both blocks have read it.
// Source: CUTLASS 3, sm90_mma_tma_gmma_ss_warpspecialized.hpp.
#pragma once

#include "labs/ch10_pipelines/warp_specialized/tile.cuh"

namespace aisp::labs::ch10::warp_specialized {

inline constexpr int kRolesThreads = 384;  // two warpgroups and the producer's

template <int kBlocks>
__device__ void produce(const CUtensorMap& a_map, const CUtensorMap& b_map, Slice* slices,
                        Barrier* full, Barrier* empty, TileAt at, int steps,
                        RingPosition<kStages>& ring) {
  const int rank = kBlocks == 1 ? 0 : static_cast<int>(cluster_rank());
  for (int step = 0; step < steps; ++step, ring.advance()) {
    Slice& slice = slices[ring.stage];
    barrier_wait(&empty[ring.stage], ring.parity ^ 1);
    barrier_arrive_expect(&full[ring.stage], kSliceBytes);  // whoever brings them
    tma_load(slice.a, a_map, &full[ring.stage], step * kDepth, at.row);
    if constexpr (kBlocks == 1) {
      tma_load(slice.b, b_map, &full[ring.stage], step * kDepth, at.column);
    } else {
      constexpr int kRows = kTile / kBlocks;
      tma_load_multicast(slice.b + rank * kRows * 128, b_map, &full[ring.stage], step * kDepth,
                         at.column + rank * kRows, (1U << kBlocks) - 1);
    }
  }
}

template <int kBlocks>
__device__ void consume(const Product& p, const Slice* slices, Barrier* full, Barrier* empty,
                        TileAt at, int steps, RingPosition<kStages>& ring) {
  const int group = threadIdx.x / 128;
  const auto release = [&](int stage) {  // one thread for each block of the cluster
    if constexpr (kBlocks == 1) {
      if (threadIdx.x % 128 == 0) barrier_arrive(&empty[stage]);
    } else {
      if (threadIdx.x % 128 < kBlocks) barrier_arrive_at(&empty[stage], threadIdx.x % 128);
    }
  };
  float d[64];
  int before = 0;
  for (int step = 0; step < steps; ++step, ring.advance()) {
    barrier_wait(&full[ring.stage], ring.parity);
    wgmma_fence();
    multiply(d, slices[ring.stage], group, step > 0);
    wgmma_commit();
    wgmma_wait<1>();  // the slice before this one has been read
    if (step > 0) release(before);
    before = ring.stage;
  }
  wgmma_wait<0>();
  pin_registers(d);
  release(before);
  store(p, d, at.row + group * 64, at.column);
}

/// One thread, before the barrier that lets everybody see them.
template <int kBlocks>
__device__ void init_barriers(Barrier* full, Barrier* empty) {
  for (int s = 0; s < kStages; ++s) {
    barrier_init(&full[s], 1);
    barrier_init(&empty[s], 2 * kBlocks);  // a thread of each warpgroup of the cluster
  }
  barrier_init_fence();
}

template <int kBlocks>
__global__ void __launch_bounds__(kRolesThreads, 1)
    roles_kernel(const __grid_constant__ CUtensorMap a_map,
                 const __grid_constant__ CUtensorMap b_map, Product p) {
  extern __shared__ unsigned char shared[];
  __shared__ Barrier full[kStages], empty[kStages];
  Slice* const slices = slices_in(shared);
  if (threadIdx.x == 0) init_barriers<kBlocks>(full, empty);
  if constexpr (kBlocks == 1) {
    __syncthreads();
  } else {
    cluster_sync();
  }
  const int steps = (p.k + kDepth - 1) / kDepth;
  // Blocks of a cluster lie one above the other; below the last row they compute what is not
  // stored.
  TileAt at = tile_at<kBlocks * kTile>(p, static_cast<int>(blockIdx.x) / kBlocks);
  at.row += static_cast<int>(blockIdx.x) % kBlocks * kTile;
  RingPosition<kStages> ring;
  if (threadIdx.x == 256) {
    produce<kBlocks>(a_map, b_map, slices, full, empty, at, steps, ring);
  } else if (threadIdx.x < 256) {
    consume<kBlocks>(p, slices, full, empty, at, steps, ring);
  }
  // A neighbour may still deliver to this block or arrive at its barriers.
  if constexpr (kBlocks > 1) {
    __syncwarp();
    cluster_sync();
  }
}

}  // namespace aisp::labs::ch10::warp_specialized
