// The slice through the copy engine: a block walks over its share of the boxes with kStages of them
// in shared memory; one thread asks for a box, waits for its bytes, and sends it on. Bounds and
// addresses are the tensor maps'.
// Source: PTX ISA 9.0, 9.7.9.27 (cp.async.bulk.tensor).
#pragma once

#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/tma.cuh"
#include "labs/ch07_memory_access/tma_bulk_tensor_2d/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::tma_bulk_tensor_2d {

inline constexpr int kBoxCols = 64, kBoxRows = 64;  // 16 KB, as the tile of manual_tile
inline constexpr std::uint32_t kBoxBytes = kBoxCols * kBoxRows * sizeof(float);

/// One warp, of which one lane works: there is nothing to compute.
template <int kStages>
__global__ void __launch_bounds__(32)
    copy_boxes(const __grid_constant__ CUtensorMap from, const __grid_constant__ CUtensorMap to,
               int across, int boxes) {
#if __CUDA_ARCH__ >= 900
  using namespace kernels::cuda;  // NOLINT: the copy engine's vocabulary
  extern __shared__ __align__(128) float space[];
  __shared__ Barrier full[kStages];
  if (threadIdx.x != 0) return;
  for (Barrier& barrier : full) barrier_init(&barrier, 1);
  barrier_init_fence();
  fence_async_shared();
  const int stride = static_cast<int>(gridDim.x);
  const auto tile = [&](int turn) { return space + turn % kStages * (kBoxCols * kBoxRows); };
  const auto ask = [&](int turn) {
    const int box = static_cast<int>(blockIdx.x) + turn * stride;
    if (box >= boxes) return;
    barrier_arrive_expect(&full[turn % kStages], kBoxBytes);
    tma_load(tile(turn), from, &full[turn % kStages], box % across * kBoxCols,
             box / across * kBoxRows);
  };
  for (int turn = 0; turn < kStages - 1; ++turn) ask(turn);
  if constexpr (kStages == 1) ask(0);
  int turn = 0;
  for (int box = static_cast<int>(blockIdx.x); box < boxes; box += stride, ++turn) {
    barrier_wait(&full[turn % kStages], static_cast<std::uint32_t>(turn / kStages) & 1U);
    tma_store(to, tile(turn), box % across * kBoxCols, box / across * kBoxRows);
    store_commit();
    // The next box goes where the last one was, once that has been read; with one place, where this
    // one is.
    store_wait_read<kStages == 1 ? 0 : 1>();
    ask(turn + (kStages == 1 ? 1 : kStages - 1));
  }
  store_wait_done<0>();
#endif
}

/// blocks_each: blocks on a multiprocessor that share the boxes; 0: a block for each box.
template <int kStages>
std::unique_ptr<bench::Plan> plan_boxes(const bench::Params& params, int blocks_each) {
  using namespace kernels::cuda;  // NOLINT
  constexpr int kBytes = kStages * static_cast<int>(kBoxBytes);
  AISP_CUDA(cudaFuncSetAttribute(copy_boxes<kStages>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 kBytes));
  return bench::plan_of([params, blocks_each](const bench::Io& io) {
    const Slice slice = slice_of(io, params);
    const auto map = [&](const float* data, std::int64_t stride) {
      return make_tensor_map(rows_of(data, MapElement::kF32, slice.rows, slice.cols,
                                     stride * static_cast<std::int64_t>(sizeof(float)), kBoxRows,
                                     kBoxCols, MapSwizzle::kNone));
    };
    const int across = static_cast<int>((slice.cols + kBoxCols - 1) / kBoxCols);
    const int boxes = across * static_cast<int>((slice.rows + kBoxRows - 1) / kBoxRows);
    const int places = blocks_each * machine::cuda_device().multiprocessors;
    const int blocks = places == 0 || places > boxes ? boxes : places;
    copy_boxes<kStages><<<static_cast<unsigned>(blocks), 32, kBytes, io.stream()>>>(
        map(slice.in, slice.stride), map(slice.out, slice.cols), across, boxes);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::tma_bulk_tensor_2d
