// As producer_warp, but a block stays and takes tile after tile: barriers and maps are set up once,
// and while the warpgroups store a tile the producer fetches the first slices of the next. Source:
// Triton, tutorial 09 (persistent matmul); CUTLASS 3, StaticPersistentTileScheduler.
#include <algorithm>

#include "labs/ch10_pipelines/warp_specialized/roles.cuh"
#include "machine/device.h"

namespace aisp::labs::ch10::warp_specialized {
namespace {

__global__ void __launch_bounds__(kRolesThreads, 1)
    persistent_kernel(const __grid_constant__ CUtensorMap a_map,
                      const __grid_constant__ CUtensorMap b_map, Product p, int tiles) {
  extern __shared__ unsigned char shared[];
  __shared__ Barrier full[kStages], empty[kStages];
  Slice* const slices = slices_in(shared);
  if (threadIdx.x == 0) init_barriers<1>(full, empty);
  __syncthreads();
  const int steps = (p.k + kDepth - 1) / kDepth;
  RingPosition<kStages> ring;  // goes on from tile to tile, in both roles
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const TileAt at = tile_at(p, tile);
    if (threadIdx.x == 256) {
      produce<1>(a_map, b_map, slices, full, empty, at, steps, ring);
    } else if (threadIdx.x < 256) {
      consume<1>(p, slices, full, empty, at, steps, ring);
    }
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_persistent(const bench::Params& params) {
  const int shared = allow_shared(persistent_kernel, kStages);
  const auto blocks = static_cast<unsigned>(machine::cuda_device().multiprocessors);
  return bench::plan_of([params, shared, blocks](const bench::Io& io) {
    const Launch launch = launch_of(params, io);
    persistent_kernel<<<std::min(blocks, launch.tiles), kRolesThreads, shared, io.stream()>>>(
        launch.a, launch.b, launch.product, static_cast<int>(launch.tiles));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::warp_specialized
