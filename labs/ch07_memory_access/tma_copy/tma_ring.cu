// The copy engine brings tiles of 16 tokens x 128 channels into a ring of four, asked for by one
// thread; each of 128 threads walks down its channel of a tile, writes the outputs over the inputs,
// and the engine takes the tile back. No thread computes an address of x or out or waits for a load
// of its own; what lies outside comes as zeros and is not written.
// Source: PTX ISA 9.0, 9.7.9.27 (cp.async.bulk.tensor); CUDA C++ Programming Guide, 10.29 (TMA).
#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/tma.cuh"
#include "labs/ch07_memory_access/tma_copy/window.cuh"

namespace aisp::labs::ch07::tma_copy {
namespace {

using namespace kernels::cuda;  // NOLINT: the copy engine's vocabulary

constexpr int kThreads = 128;
constexpr int kRows = 16;  // 8 KB a tile
// Four tiles are 32 KB: seven blocks on a multiprocessor, some 130 KB on their way, six times what
// 4.1 TB/s at 0.7 us need.
constexpr int kStages = 4;
constexpr std::uint32_t kTileBytes = kRows * kThreads * sizeof(float);
static_assert(kRun % kRows == 0, "no tile reaches into the next run");

__global__ void __launch_bounds__(kThreads)
    convolve(Conv conv, const __grid_constant__ CUtensorMap from,
             const __grid_constant__ CUtensorMap to) {
#if __CUDA_ARCH__ >= 900
  __shared__ __align__(128) float tiles[kStages][kRows][kThreads];
  __shared__ Barrier full[kStages];
  const int thread = static_cast<int>(threadIdx.x);
  const int left = static_cast<int>(blockIdx.x) * kThreads;
  const std::int64_t channel = left + thread;
  const std::int64_t first = blockIdx.y * kRun, last = min(first + kRun, conv.tokens);
  const int count = static_cast<int>((last - first + kRows - 1) / kRows);
  const auto ask = [&](int tile) {  // thread 0
    Barrier* barrier = &full[tile % kStages];
    barrier_arrive_expect(barrier, kTileBytes);
    tma_load(tiles[tile % kStages], from, barrier, left, static_cast<int>(first) + tile * kRows);
  };
  if (thread == 0) {
    for (Barrier& barrier : full) barrier_init(&barrier, 1);
    barrier_init_fence();
    for (int tile = 0; tile < min(kStages - 1, count); ++tile) ask(tile);
  }
  __syncthreads();
  Window window;
  if (channel < conv.channels) window.begin(conv, first, channel);
  for (int tile = 0; tile < count; ++tile) {
    const int stage = tile % kStages;
    barrier_wait(&full[stage], static_cast<std::uint32_t>(tile / kStages) & 1U);
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
      tiles[stage][row][thread] = window.step(tiles[stage][row][thread]);
    }
    fence_async_shared();
    __syncthreads();
    if (thread == 0) {
      tma_store(to, tiles[stage], left, static_cast<int>(first) + tile * kRows);
      store_commit();
      // The next tile goes where the last one was, once that has been read: at most this store may
      // still be under way.
      store_wait_read<1>();
      if (tile + kStages - 1 < count) ask(tile + kStages - 1);
    }
  }
  if (thread == 0) store_wait_done<0>();
#endif
}

}  // namespace

std::unique_ptr<bench::Plan> plan_tma_ring(const bench::Params& params) {
  return bench::plan_of([params](const bench::Io& io) {
    const Conv conv = conv_of(io, params);
    const auto map = [&](const float* data) {
      return make_tensor_map(rows_of(data, MapElement::kF32, conv.tokens, conv.channels,
                                     conv.channels * static_cast<std::int64_t>(sizeof(float)),
                                     kRows, kThreads, MapSwizzle::kNone));
    };
    const dim3 blocks(static_cast<unsigned>((conv.channels + kThreads - 1) / kThreads),
                      static_cast<unsigned>((conv.tokens + kRun - 1) / kRun));
    convolve<<<blocks, kThreads, 0, io.stream()>>>(conv, map(conv.x), map(conv.out));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::tma_copy
