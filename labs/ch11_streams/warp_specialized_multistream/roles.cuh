// The kernel with roles: in each pipeline of six warps one loads rows ahead, four normalise them in
// place, one stores them. A row's buffer goes round: empty, full, done, and empty again when the
// store has read it. Include from *_sm90.cu.
#pragma once

#include <algorithm>

#include "base/check.h"
#include "kernels/cuda/mbarrier.cuh"
#include "kernels/cuda/tma.cuh"
#include "labs/ch11_streams/warp_specialized_multistream/problem.h"
#include "machine/cuda_raii.h"
#include "machine/joined_streams.h"

namespace aisp::labs::ch11::warp_specialized_multistream {

inline constexpr int kComputeWarps = 4;
inline constexpr int kWarps = kComputeWarps + 2;
inline constexpr int kSlots = 8;        // rows on their way: two for each computing warp
inline constexpr int kBlocks = 16;      // of a batch: an eighth of the device
inline constexpr int kMaxWidth = 2048;  // 8 KB a row, 64 KB a pipeline

struct Batch {
  const float* x = nullptr;
  const float* weight = nullptr;
  float* y = nullptr;
  int rows = 0, width = 0;
};

struct Ring {
  float rows[kSlots][kMaxWidth];
  kernels::cuda::Barrier full[kSlots], done[kSlots], empty[kSlots];
};

/// One row in shared memory, by a warp.
__device__ inline void normalise(float* row, const float* weight, int width) {
  const int lane = threadIdx.x % 32;
  float squares = 0.0F;
  for (int i = lane; i < width; i += 32) squares += row[i] * row[i];
  for (int step = 16; step > 0; step /= 2) squares += __shfl_xor_sync(~0u, squares, step);
  const float factor = 1.0F / sqrtf(squares / static_cast<float>(width) + kEpsilon);
  for (int i = lane; i < width; i += 32) row[i] = row[i] * factor * weight[i];
}

template <int kPipelines>
__global__ void __launch_bounds__(32 * kWarps * kPipelines) roles_kernel(Batch batch) {
  using namespace kernels::cuda;
  extern __shared__ __align__(128) unsigned char shared[];
  const int pipeline = threadIdx.x / 32 / kWarps, role = threadIdx.x / 32 % kWarps;
  Ring& ring = reinterpret_cast<Ring*>(shared)[pipeline];
  if (threadIdx.x % (32 * kWarps) == 0) {
    for (int s = 0; s < kSlots; ++s) {
      barrier_init(&ring.full[s], 1);
      barrier_init(&ring.done[s], 1);
      barrier_init(&ring.empty[s], 1);
    }
    barrier_init_fence();
  }
  __syncthreads();
  const int first = static_cast<int>(blockIdx.x) * kPipelines + pipeline;
  const int step = static_cast<int>(gridDim.x) * kPipelines, lane = threadIdx.x % 32;
  const auto bytes = static_cast<std::uint32_t>(4 * batch.width);
  RingPosition<kSlots> at;
  int turn = 0;
  for (int row = first; row < batch.rows; row += step, at.advance(), ++turn) {
    const std::int64_t offset = static_cast<std::int64_t>(row) * batch.width;
    float* const slot = ring.rows[at.stage];
    if (role == 0) {
      if (lane == 0) {
        barrier_wait(&ring.empty[at.stage], at.parity ^ 1);
        barrier_arrive_expect(&ring.full[at.stage], bytes);
        bulk_load(slot, batch.x + offset, bytes, &ring.full[at.stage]);
      }
    } else if (role == kWarps - 1) {
      if (lane == 0) {
        barrier_wait(&ring.done[at.stage], at.parity);
        bulk_store(batch.y + offset, slot, bytes);
        store_commit();
        store_wait_read<1>();  // the store before this one has read its slot
        if (turn > 0) barrier_arrive(&ring.empty[(at.stage + kSlots - 1) % kSlots]);
      }
    } else if (turn % kComputeWarps == role - 1) {
      barrier_wait(&ring.full[at.stage], at.parity);
      normalise(slot, batch.weight, batch.width);
      fence_async_shared();
      __syncwarp();
      if (lane == 0) barrier_arrive(&ring.done[at.stage]);
    }
  }
  if (role == kWarps - 1 && lane == 0) store_wait_done<0>();
}

/// Launches `blocks` blocks for rows [first, first + rows) of all batches.
template <int kPipelines>
void launch_rows(const bench::Params& p, const bench::Io& io, std::int64_t first, std::int64_t rows,
                 unsigned blocks, cudaStream_t stream) {
  const std::int64_t at = first * p["width"];
  const Batch batch = {io.in<float>(0).data() + at, io.in<float>(1).data(),
                       io.out<float>(0).data() + at, static_cast<int>(rows),
                       static_cast<int>(p["width"])};
  roles_kernel<kPipelines>
      <<<blocks, 32 * kWarps * kPipelines, kPipelines * sizeof(Ring), stream>>>(batch);
  AISP_CUDA(cudaGetLastError());
}

template <int kPipelines>
void allow_shared(const bench::Params& params) {
  check(params["width"] <= kMaxWidth, "rows of this lab have at most 2048 elements");
  AISP_CUDA(cudaFuncSetAttribute(roles_kernel<kPipelines>,
                                 cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 kPipelines * static_cast<int>(sizeof(Ring))));
}

/// A launch for each batch, dealt to `streams` streams; on the call's own when there is one.
template <int kPipelines>
std::unique_ptr<bench::Plan> plan_batches(const bench::Params& params, std::size_t streams) {
  allow_shared<kPipelines>(params);
  return bench::plan_of([params, dealt = std::make_unique<machine::JoinedStreams>(
                                     streams == 1 ? 0 : streams)](const bench::Io& io) {
    dealt->fork(io.stream());
    const std::int64_t rows = params["rows"];
    for (std::int64_t b = 0; b < params["batches"]; ++b) {
      const std::size_t count = dealt->size();
      const cudaStream_t stream =
          count == 0 ? io.stream() : (*dealt)[static_cast<std::size_t>(b) % count];
      launch_rows<kPipelines>(params, io, b * rows, rows, kBlocks, stream);
    }
    dealt->join(io.stream());
  });
}

}  // namespace aisp::labs::ch11::warp_specialized_multistream
