// The copy engine brings tiles of 8 KiB to shared memory and takes results back: one thread asks
// for a tile, the others only compute. Three buffers in a ring; the result replaces its input in
// place, and its buffer is filled again once its store has been read out. Source: PTX ISA 9.0,
// cp.async.bulk; CUDA C++ Programming Guide 13.0, bulk copies.
#include <algorithm>

#include "kernels/cuda/tma.cuh"
#include "labs/ch08_occupancy/threshold/activation.h"

namespace aisp::labs::ch08::threshold {
namespace {

namespace cuda = kernels::cuda;

constexpr int kThreads = 256;
constexpr int kTile = 2048;     // floats, 8 KiB: two vectors a thread
constexpr int kStages = 3;      // one computed, one on its way in, one on its way out
constexpr int kBlocksEach = 8;  // 8 x 24 KiB of shared memory, 2048 threads

__global__ void __launch_bounds__(kThreads, kBlocksEach)
    apply(const float* __restrict__ x, float* __restrict__ out, std::int64_t n) {
  __shared__ alignas(128) float4 stage[kStages][kTile / 4];
  __shared__ cuda::Barrier full[kStages];
  const std::int64_t tiles = n / kTile;
  if (threadIdx.x == 0) {
    for (cuda::Barrier& barrier : full) cuda::barrier_init(&barrier, 1);
    cuda::barrier_init_fence();
  }
  __syncthreads();
  const auto fetch = [&](std::int64_t tile, int at) {
    if (tile >= tiles) return;
    cuda::barrier_arrive_expect(&full[at], kTile * sizeof(float));
    cuda::bulk_load(stage[at], x + tile * kTile, kTile * sizeof(float), &full[at]);
  };
  if (threadIdx.x == 0) {
    for (int s = 0; s < kStages - 1; ++s) {
      fetch(blockIdx.x + std::int64_t{s} * gridDim.x, s);
    }
  }
  cuda::RingPosition<kStages> at;
  for (std::int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    cuda::barrier_wait(&full[at.stage], at.parity);
    for (int i = threadIdx.x; i < kTile / 4; i += kThreads) {
      stage[at.stage][i] = activate(stage[at.stage][i]);
    }
    cuda::fence_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
      cuda::bulk_store(out + tile * kTile, stage[at.stage], kTile * sizeof(float));
      cuda::store_commit();
      cuda::store_wait_read<1>();  // the store before this one has left its buffer
      fetch(tile + std::int64_t{kStages - 1} * gridDim.x, (at.stage + kStages - 1) % kStages);
    }
    at.advance();
  }
  const std::int64_t rest = tiles * kTile + std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  for (std::int64_t i = rest; i < n; i += std::int64_t{gridDim.x} * kThreads) {
    out[i] = activate(x[i]);
  }
  if (threadIdx.x == 0) cuda::store_wait_done<0>();
}

}  // namespace

std::unique_ptr<bench::Plan> plan_staged_tma(const bench::Params& params) {
  const std::int64_t n = params["n"];
  const std::int64_t most = machine::cuda_device().multiprocessors * kBlocksEach;
  const auto blocks = static_cast<unsigned>(std::clamp<std::int64_t>(n / kTile, 1, most));
  return bench::plan_of([=](const bench::Io& io) {
    apply<<<blocks, kThreads, 0, io.stream()>>>(io.in<float>(0).data(), io.out<float>(0).data(), n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::threshold
