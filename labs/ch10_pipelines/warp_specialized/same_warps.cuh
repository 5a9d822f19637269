// The loop without roles: a thread of those who multiply asks for the slices too. With one stage
// fetching and multiplying take turns; with more, slices are under way while one is multiplied, but
// all warps meet at a barrier before a slice is overwritten.
#pragma once

#include "labs/ch10_pipelines/warp_specialized/tile.cuh"

namespace aisp::labs::ch10::warp_specialized {

inline constexpr int kSameWarpsThreads = 256;

template <int kSlices>
__global__ void __launch_bounds__(kSameWarpsThreads, 1)
    same_warps_kernel(const __grid_constant__ CUtensorMap a_map,
                      const __grid_constant__ CUtensorMap b_map, Product p) {
  extern __shared__ unsigned char shared[];
  __shared__ Barrier full[kSlices];
  Slice* const slices = slices_in(shared);
  if (threadIdx.x == 0) {
    for (int s = 0; s < kSlices; ++s) barrier_init(&full[s], 1);
    barrier_init_fence();
  }
  __syncthreads();
  const TileAt at = tile_at(p, static_cast<int>(blockIdx.x));
  const int steps = (p.k + kDepth - 1) / kDepth, group = threadIdx.x / 128;
  const auto ask = [&](int step) {
    const int s = step % kSlices;
    barrier_arrive_expect(&full[s], kSliceBytes);
    tma_load(slices[s].a, a_map, &full[s], step * kDepth, at.row);
    tma_load(slices[s].b, b_map, &full[s], step * kDepth, at.column);
  };
  if (threadIdx.x == 0) {
    for (int step = 0; step < min(kSlices, steps); ++step) ask(step);
  }
  float d[64];
  RingPosition<kSlices> ring;
  for (int step = 0; step < steps; ++step, ring.advance()) {
    barrier_wait(&full[ring.stage], ring.parity);
    wgmma_fence();
    multiply(d, slices[ring.stage], group, step > 0);
    wgmma_commit();
    wgmma_wait<0>();
    __syncthreads();  // both warpgroups have read the slice
    if (threadIdx.x == 0 && step + kSlices < steps) ask(step + kSlices);
  }
  pin_registers(d);
  store(p, d, at.row + group * 64, at.column);
}

template <int kSlices>
std::unique_ptr<bench::Plan> plan_same_warps(const bench::Params& params) {
  const int shared = allow_shared(same_warps_kernel<kSlices>, kSlices);
  return bench::plan_of([params, shared](const bench::Io& io) {
    const Launch launch = launch_of(params, io);
    same_warps_kernel<kSlices><<<launch.tiles, kSameWarpsThreads, shared, io.stream()>>>(
        launch.a, launch.b, launch.product);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::warp_specialized
