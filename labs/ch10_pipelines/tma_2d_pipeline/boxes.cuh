// Tiles by the copy engine: one thread asks for a box, borders outside the image arrive as zeros.
// Blocks take every gridDim-th tile with kStages boxes under way; one tile a block is the case of
// one stage and as many blocks as tiles.
#pragma once

#include <algorithm>

#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/tma.cuh"
#include "labs/ch10_pipelines/tma_2d_pipeline/tile.cuh"
#include "machine/device.h"

namespace aisp::labs::ch10::tma_2d_pipeline {

struct alignas(128) Stage {
  Box box;
};

template <int kStages>
__global__ void __launch_bounds__(kThreads)
    boxes_kernel(const __grid_constant__ CUtensorMap map, Image image) {
  extern __shared__ __align__(128) unsigned char shared[];
  __shared__ kernels::cuda::Barrier full[kStages];
  Stage* const stages = reinterpret_cast<Stage*>(shared);
  if (threadIdx.x == 0) {
    for (int s = 0; s < kStages; ++s) kernels::cuda::barrier_init(&full[s], 1);
    kernels::cuda::barrier_init_fence();
  }
  __syncthreads();
  const int tiles = image.tiles(), step = static_cast<int>(gridDim.x);
  const auto ask = [&](int tile, int stage) {
    kernels::cuda::barrier_arrive_expect(&full[stage], sizeof(Box));
    kernels::cuda::tma_load(stages[stage].box, map, &full[stage],
                            tile % image.tiles_across() * kCols - kBorder,
                            tile / image.tiles_across() * kRows - 1);
  };
  if (threadIdx.x == 0) {
    for (int s = 0; s < kStages; ++s) {
      const int tile = static_cast<int>(blockIdx.x) + s * step;
      if (tile < tiles) ask(tile, s);
    }
  }
  float w[9];
  load_filter(image, w);
  kernels::cuda::RingPosition<kStages> ring;
  for (int tile = static_cast<int>(blockIdx.x); tile < tiles; tile += step, ring.advance()) {
    kernels::cuda::barrier_wait(&full[ring.stage], ring.parity);
    filter(image, stages[ring.stage].box, w, tile / image.tiles_across() * kRows,
           tile % image.tiles_across() * kCols);
    __syncthreads();  // all have read the box
    if (threadIdx.x == 0 && tile + kStages * step < tiles) ask(tile + kStages * step, ring.stage);
  }
}

/// blocks_per_multiprocessor 0: a block for each tile.
template <int kStages>
std::unique_ptr<bench::Plan> plan_boxes(const bench::Params& params,
                                        int blocks_per_multiprocessor) {
  constexpr int kShared = kStages * static_cast<int>(sizeof(Stage));
  AISP_CUDA(cudaFuncSetAttribute(boxes_kernel<kStages>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 kShared));
  const int resident = blocks_per_multiprocessor * machine::cuda_device().multiprocessors;
  return bench::plan_of([params, resident](const bench::Io& io) {
    const Image image = image_of(params, io);
    using namespace kernels::cuda;
    const CUtensorMap map = make_tensor_map(
        rows_of(image.x, MapElement::kF32, image.rows, image.cols,
                4 * static_cast<std::int64_t>(image.cols), kBoxRows, kBoxCols, MapSwizzle::kNone));
    const int blocks = resident == 0 ? image.tiles() : std::min(resident, image.tiles());
    boxes_kernel<kStages><<<blocks, kThreads, kShared, io.stream()>>>(map, image);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::tma_2d_pipeline
