// Attention over tiles of 64 queries and 64 keys that never leave the multiprocessor, with online
// softmax: one block for a tile of queries of a head, f32 on the ordinary units. A thread has 4
// queries and 4 keys of the scores, and 4 queries and 8 elements of the output; the 16 threads that
// share queries are half a warp. How tiles of K and V come in is a template parameter: by all
// threads while nobody computes, or by the copy engine into the other of two buffers.
// Source: T. Dao, "FlashAttention-2" (2023), algorithm 1.
#pragma once

#include "kernels/cuda/mbarrier.cuh"
#include "kernels/cuda/tma.cuh"
#include "labs/ch10_pipelines/flash_attention/device_shape.cuh"

namespace aisp::labs::ch10::flash_attention {

inline constexpr int kTileThreads = 256, kTile = 64, kMaxD = 128;
inline constexpr int kRow = kMaxD + 4;  // floats: rows of 16 lanes fall on different banks
inline constexpr int kScoreRow = kTile + 4;

struct Buffer {
  float k[kTile][kRow], v[kTile][kRow];
};
template <bool kAsync>
struct Shared {
  Buffer buffers[kAsync ? 2 : 1];
  float q[kTile][kRow];
  float p[kTile][kScoreRow];
};

/// Rows [first, first + 64) of from[rows][D] to shared memory, zeros outside; all threads.
__device__ inline void load_rows(float (*to)[kRow], const float* from, int first, int rows, int D) {
  for (int i = threadIdx.x; i < kTile * kMaxD; i += kTileThreads) {
    const int r = i / kMaxD, d = i % kMaxD;
    to[r][d] =
        first + r < rows && d < D ? from[static_cast<std::int64_t>(first + r) * D + d] : 0.0F;
  }
}

/// Asks the copy engine for the rows that exist of a tile of K and of V; one warp.
__device__ inline void ask_rows(Buffer& to, const float* k, const float* v, int first, int rows,
                                int D, kernels::cuda::Barrier* full) {
  const int count = min(kTile, rows - first), lane = threadIdx.x % 32;
  const auto bytes = static_cast<std::uint32_t>(4 * D);
  if (lane == 0) kernels::cuda::barrier_arrive_expect(full, 2 * count * bytes);
  __syncwarp();
  for (int r = lane; r < count; r += 32) {
    const std::int64_t at = static_cast<std::int64_t>(first + r) * D;
    kernels::cuda::bulk_load(to.k[r], k + at, bytes, full);
    kernels::cuda::bulk_load(to.v[r], v + at, bytes, full);
  }
}

/// What a thread carries from tile to tile of keys.
struct Online {
  float largest[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
  float total[4] = {};
  float o[4][8] = {};
};

/// One tile of keys, the first of them `first`.
__device__ inline void attend_tile(const Buffer& tile, float (*q)[kRow], float (*p)[kScoreRow],
                                   const DeviceShape& s, int first_query, int first,
                                   Online& state) {
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  float score[4][4] = {};
#pragma unroll 4
  for (int d = 0; d < s.D; d += 4) {
    float4 x[4], y[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      x[i] = *reinterpret_cast<const float4*>(&q[4 * ty + i][d]);
      y[i] = *reinterpret_cast<const float4*>(&tile.k[tx + 16 * i][d]);
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        score[i][j] += x[i].x * y[j].x + x[i].y * y[j].y + x[i].z * y[j].z + x[i].w * y[j].w;
      }
    }
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int seen = s.seen(min(first_query + 4 * ty + i, s.queries - 1)) - first;
    float largest = state.largest[i];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      score[i][j] = tx + 16 * j < seen ? score[i][j] * s.scale : -INFINITY;
      largest = fmaxf(largest, score[i][j]);
    }
    for (int step = 8; step > 0; step /= 2) {
      largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, step));
    }
    // Every query sees the first key of all, so `largest` is finite from the first tile on.
    const float shrink = expf(state.largest[i] - largest);
    state.largest[i] = largest;
    float sum = 0.0F;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float weight = expf(score[i][j] - largest);
      p[4 * ty + i][tx + 16 * j] = weight;
      sum += weight;
    }
    for (int step = 8; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
    state.total[i] = state.total[i] * shrink + sum;
#pragma unroll
    for (int d = 0; d < 8; ++d) state.o[i][d] *= shrink;
  }
  __syncwarp();  // rows of p are read by the half warp that wrote them
#pragma unroll 2
  for (int key = 0; key < kTile; ++key) {
    const float4 low = *reinterpret_cast<const float4*>(&tile.v[key][4 * tx]);
    const float4 high = *reinterpret_cast<const float4*>(&tile.v[key][64 + 4 * tx]);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float weight = p[4 * ty + i][key];
      state.o[i][0] += weight * low.x;
      state.o[i][1] += weight * low.y;
      state.o[i][2] += weight * low.z;
      state.o[i][3] += weight * low.w;
      state.o[i][4] += weight * high.x;
      state.o[i][5] += weight * high.y;
      state.o[i][6] += weight * high.z;
      state.o[i][7] += weight * high.w;
    }
  }
  __syncwarp();
}

template <bool kAsync>
__global__ void __launch_bounds__(kTileThreads, 1) tiled_kernel(DeviceArrays at, DeviceShape s) {
  extern __shared__ __align__(128) unsigned char raw[];
  __shared__ kernels::cuda::Barrier full[2];
  auto& shared = *reinterpret_cast<Shared<kAsync>*>(raw);
  const int head = static_cast<int>(blockIdx.y);
  // Late queries see most keys under a causal mask: those blocks go first.
  const int first_query = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kTile;
  const float* q = at.q + static_cast<std::int64_t>(head) * s.queries * s.D;
  const float* k = at.k + static_cast<std::int64_t>(head / s.group) * s.keys * s.D;
  const float* v = at.v + static_cast<std::int64_t>(head / s.group) * s.keys * s.D;
  load_rows(shared.q, q, first_query, s.queries, s.D);
  const int tiles = (s.seen(min(first_query + kTile, s.queries) - 1) + kTile - 1) / kTile;
  if constexpr (kAsync) {
    // Rows that are not copied, beyond the last key, are multiplied by 0 and must be finite.
    for (int i = threadIdx.x; i < static_cast<int>(sizeof(shared.buffers) / 4); i += kTileThreads) {
      reinterpret_cast<float*>(shared.buffers)[i] = 0.0F;
    }
    kernels::cuda::fence_async_shared();
    if (threadIdx.x == 0) {
      kernels::cuda::barrier_init(&full[0], 1);
      kernels::cuda::barrier_init(&full[1], 1);
      kernels::cuda::barrier_init_fence();
    }
    __syncthreads();
    if (threadIdx.x < 32) ask_rows(shared.buffers[0], k, v, 0, s.keys, s.D, &full[0]);
  }
  Online state;
  for (int t = 0; t < tiles; ++t) {
    __syncthreads();  // all are done with the tile before, whose buffer is next
    if constexpr (kAsync) {
      const int other = (t + 1) % 2;
      if (threadIdx.x < 32 && t + 1 < tiles) {
        ask_rows(shared.buffers[other], k, v, (t + 1) * kTile, s.keys, s.D, &full[other]);
      }
      kernels::cuda::barrier_wait(&full[t % 2], t / 2 % 2);
      attend_tile(shared.buffers[t % 2], shared.q, shared.p, s, first_query, t * kTile, state);
    } else {
      load_rows(shared.buffers[0].k, k, t * kTile, s.keys, s.D);
      load_rows(shared.buffers[0].v, v, t * kTile, s.keys, s.D);
      __syncthreads();
      attend_tile(shared.buffers[0], shared.q, shared.p, s, first_query, t * kTile, state);
    }
  }
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int row = first_query + 4 * ty + i;
    if (row >= s.queries) return;
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const int d = (j < 4 ? 0 : 60) + 4 * tx + j;
      if (d < s.D) {
        at.o[(static_cast<std::int64_t>(head) * s.queries + row) * s.D + d] =
            state.o[i][j] / state.total[i];
      }
    }
  }
}

template <bool kAsync>
std::unique_ptr<bench::Plan> plan_tiled(const bench::Params& params) {
  const DeviceShape s = device_shape_of(params);
  if (s.D > kMaxD) {
    throw Error("heads of more than 128 do not fit", "tiled attention of this lab", "another case");
  }
  constexpr int kBytes = sizeof(Shared<kAsync>);
  AISP_CUDA(cudaFuncSetAttribute(tiled_kernel<kAsync>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 kBytes));
  const dim3 grid(static_cast<unsigned>((s.queries + kTile - 1) / kTile),
                  static_cast<unsigned>(s.heads));
  return bench::plan_of([s, grid](const bench::Io& io) {
    tiled_kernel<kAsync><<<grid, kTileThreads, kBytes, io.stream()>>>(device_arrays_of(io), s);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::flash_attention
