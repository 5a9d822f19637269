// Decode attention whatever the cache's type. A team of warps walks tiles of 16 tokens through a
// ring in shared memory, filled by asynchronous copies: no barrier of the whole block until a run
// of tokens ends. Each warp of a team has 16 query rows (a group's queries, padded) in a Rows,
// which knows the type: start(), take() a tile, store() the sums.
//
// Source: Osama et al., "Stream-K", PPoPP 2023; Dao, "FlashAttention-2" (2023).
#pragma once

#include "kernels/cuda/mma.cuh"
#include "kernels/decode_attention_cuda/cuda_shape.h"
#include "kernels/decode_attention_cuda/cuda_split.cuh"
#include "machine/cuda_raii.h"

namespace aisp::kernels::decode_attention_cuda {

// Where a row's 16-byte piece lies in a tile: turned so that the same piece of eight rows is in
// eight different parts of the banks.
template <int kRowBytes>
__device__ inline int piece_offset(int row, int piece) {
  const int turn = kRowBytes >= 128 ? row & 7 : (row >> 1) & 3;
  return row * kRowBytes + (piece ^ turn) * 16;
}

// The running maximum and sum of two rows, in the registers of a matrix product: lane l has rows
// l / 4 and l / 4 + 8, and of a tile's 16 tokens 2 (l % 4) + {0, 1, 8, 9}.
struct Softmax {
  float most[2] = {-INFINITY, -INFINITY};  // of scores times log2(e)
  float sum[2] = {0.0F, 0.0F};             // of this lane's tokens

  /// Scores become weights; what was summed up with the old maximum is scaled to the new one.
  /// `sees`: how many tokens of this tile the row may see (16 or more: all).
  template <int kFours>
  __device__ void step(float (&score)[2][4], float (&out)[kFours][4], int half, float scale,
                       int sees, int lane) {
    float top = -INFINITY;
#pragma unroll
    for (int n = 0; n < 2; ++n) {
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        float& s = score[n][2 * half + c];
        s = 8 * n + 2 * (lane & 3) + c < sees ? s * scale : -INFINITY;
        top = fmaxf(top, s);
      }
    }
    top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 1));
    top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 2));
    top = fmaxf(top, most[half]);
    const float origin = top == -INFINITY ? 0.0F : top;  // no token seen yet: weights are zero
    const float factor = exp2f(most[half] - origin);
    most[half] = top;
    sum[half] *= factor;
#pragma unroll
    for (auto& four : out) {
      four[2 * half] *= factor;
      four[2 * half + 1] *= factor;
    }
#pragma unroll
    for (int n = 0; n < 2; ++n) {
      float& low = score[n][2 * half];
      float& high = score[n][2 * half + 1];
      low = exp2f(low - origin);
      high = exp2f(high - origin);
      sum[half] += low + high;
    }
  }
};

// One team's view: which tiles of the run are its own, and where they lie.
template <int kRowBytes, int kRowTiles>
class TileCopies {
 public:
  static constexpr int kRowPieces = kRowBytes / 16;
  static constexpr int kPartBytes = kTileTokens * kRowBytes;
  static constexpr int kThreadsOfTeam = kRowTiles * 32;

  __device__ TileCopies(const DeviceArgs& args, const Run& run, int first, int step, int count,
                        int thread)
      : args_(args), first_(first), step_(step), count_(count), thread_(thread) {
    table_ = args.block_table + static_cast<std::int64_t>(run.sequence) * args.max_blocks;
    head_offset_ = static_cast<std::int64_t>(run.head) * 2 * args.block_tokens * kRowBytes;
    tokens_ = run.tokens;
    now_ = entry(thread_ % 32);
    next_ = entry(32 + thread_ % 32);
  }
  // Starts the copy of the team's tile `index`, called with 0, 1, 2, ... Tokens past the length are
  // not read: they become zeros.
  __device__ void start(int index, std::uint32_t to) {
    if (index >= count_) return;
    if (index % 32 == 0 && index > 0) {
      now_ = next_;
      next_ = entry(index + 32 + thread_ % 32);
    }
    const std::int64_t block = __shfl_sync(0xffffffffU, now_, index % 32);
    const int token = (first_ + index * step_) * kTileTokens;
    const int valid = tokens_ - token;
    const char* k = args_.cache + block * args_.block_bytes + head_offset_ +
                    (token & (args_.block_tokens - 1)) * kRowBytes + thread_ * 16;
    const char* v = k + args_.block_tokens * kRowBytes;
    constexpr int kPieces = kTileTokens * kRowPieces;
#pragma unroll
    for (int first = 0; first < kPieces; first += kThreadsOfTeam) {
      const int piece = first + thread_, row = piece / kRowPieces;
      if (piece >= kPieces) break;  // narrow rows and four warps
      const std::uint32_t at = to + piece_offset<kRowBytes>(row, piece % kRowPieces);
      const int bytes = row < valid ? 16 : 0;
      cuda::copy_async_16(at, k + first * 16, bytes);
      cuda::copy_async_16(at + kPartBytes, v + first * 16, bytes);
    }
  }

 private:
  // The table is read 32 tiles at a time, one set ahead of its use.
  __device__ int entry(int index) const {
    if (index >= count_) return 0;
    return __ldg(table_ + ((first_ + index * step_) * kTileTokens >> args_.block_shift));
  }
  const DeviceArgs& args_;
  const std::int32_t* table_;
  std::int64_t head_offset_;
  int first_, step_, count_, thread_, tokens_;
  int now_, next_;
};

// A team's tiles of one run, through its ring.
template <class Rows, int kRowTiles, int kStages>
__device__ void walk(const DeviceArgs& args, const Run& run, Rows& rows, char* ring) {
  constexpr int kTeams = kWarps / kRowTiles;
  constexpr int kTile = 2 * kTileTokens * Rows::kRowBytes;
  const int team = threadIdx.x / (32 * kRowTiles), thread = threadIdx.x % (32 * kRowTiles);
  const int lane = threadIdx.x % 32;
  const int first = run.first_tile + team;
  const int count = max(0, (run.end_tile - first + kTeams - 1) / kTeams);
  const std::uint32_t stages = cuda::shared_address(ring) + team * kStages * kTile;
  TileCopies<Rows::kRowBytes, kRowTiles> copies(args, run, first, kTeams, count, thread);
#pragma unroll
  for (int i = 0; i < kStages - 1; ++i) {
    copies.start(i, stages + i * kTile);
    cuda::copy_async_commit();
  }
  rows.start(args, run, thread / 32 * kTileRows, lane);
  int limit[2];  // tokens that each of the two rows sees
  for (int half = 0; half < 2; ++half) {
    limit[half] = visible(args, run, thread / 32 * kTileRows + lane / 4 + 8 * half);
  }
  const float scale = args.scale * (args.k_scale != nullptr ? args.k_scale[run.head] : 1.0F);
  int stage = 0, ahead = kStages - 1;
  for (int i = 0; i < count; ++i) {
    cuda::copy_async_wait<kStages - 2>();
    if constexpr (kRowTiles == 1) {
      __syncwarp();
    } else {  // barrier 0 is the block's
      asm volatile("bar.sync %0, %1;" ::"r"(1 + team), "r"(32 * kRowTiles) : "memory");
    }
    copies.start(i + kStages - 1, stages + ahead * kTile);
    cuda::copy_async_commit();
    const int token = (first + i * kTeams) * kTileTokens;
    const int sees[2] = {limit[0] - token, limit[1] - token};
    const std::uint32_t at = stages + stage * kTile;
    rows.take(at, at + kTile / 2, scale, sees, lane);
    stage = stage + 1 == kStages ? 0 : stage + 1;
    ahead = ahead + 1 == kStages ? 0 : ahead + 1;
  }
  cuda::copy_async_wait<0>();
}

// The teams' outputs of a run, put together: to the output when the run is a whole sequence, else
// to this block's part in the workspace.
template <class Rows, int kRowTiles>
__device__ void finish_run(const DeviceArgs& args, const Run& run, Rows& rows, float* outputs,
                           float* stats) {
  constexpr int kTeams = kWarps / kRowTiles, kHead = Rows::kHead;
  const float scale = args.v_scale != nullptr ? args.v_scale[run.head] : 1.0F;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  __syncthreads();  // every ring is done with: its memory is ours
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float sum = rows.softmax.sum[half];
    sum += __shfl_xor_sync(0xffffffffU, sum, 1);
    sum += __shfl_xor_sync(0xffffffffU, sum, 2);
    const int row = warp * kTileRows + lane / 4 + 8 * half;
    rows.store(outputs + row * kHead, half, scale, lane);
    if (lane % 4 == 0) {
      stats[2 * row] = rows.softmax.most[half];
      stats[2 * row + 1] = sum;
    }
  }
  __syncthreads();
  for (int at = threadIdx.x; at < args.rows * (kHead / 4); at += kThreads) {
    const int row = at / (kHead / 4), column = at % (kHead / 4) * 4;
    Joined joined;
    for (int team = 0; team < kTeams; ++team) {
      joined.see(stats[2 * (team * kRowTiles * kTileRows + row)]);
    }
    for (int team = 0; team < kTeams; ++team) {
      const int from = team * kRowTiles * kTileRows + row;
      joined.add(*reinterpret_cast<const float4*>(outputs + from * kHead + column), stats[2 * from],
                 stats[2 * from + 1]);
    }
    if (run.whole()) {
      store_row(args, run, row, column, kHead, joined);
    } else {
      store_part(args, own_part(run), row, column, kHead, joined);
    }
  }
}

template <class Rows, int kRowTiles, int kStages>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    attend_kernel(const DeviceArgs args) {
  extern __shared__ __align__(128) char shared[];
  constexpr std::size_t kRing = ring_bytes(Rows::kHead, Rows::kRowBytes, kRowTiles, kStages);
  float* stats = reinterpret_cast<float*>(shared + kRing);
  int* prefix = reinterpret_cast<int*>(stats + 2 * kWarps * kTileRows);
  tile_prefix<kThreads>(args, prefix, prefix + kMaxBatch + 1);
  zero_unseen<Rows::kHead, kThreads>(args);
  const Split split(args, prefix);
  Run run;
  for (std::int64_t at = split.begin(); at < split.end(); at += run.end_tile - run.first_tile) {
    run = split.run_at(args, prefix, at);
    Rows rows;
    walk<Rows, kRowTiles, kStages>(args, run, rows, shared);
    finish_run<Rows, kRowTiles>(args, run, rows, reinterpret_cast<float*>(shared), stats);
    if (!run.whole()) join_parts<Rows::kHead, kThreads>(args, run, prefix + kMaxBatch + 1);
    __syncthreads();  // before the next run's tiles land where the outputs were
  }
}

template <class Rows, int kRowTiles>
void launch_rows(const Request& request, const Config& config, const DeviceArgs& args) {
  constexpr int kStages = stages_of(Rows::kRowBytes, kRowTiles);
  const auto kernel = attend_kernel<Rows, kRowTiles, kStages>;
  const auto bytes =
      static_cast<int>(shared_bytes(Rows::kHead, Rows::kRowBytes, kRowTiles, kStages));
  AISP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  kernel<<<config.blocks, kThreads, bytes, request.stream>>>(args);
  AISP_CUDA(cudaGetLastError());
}

template <template <int> class Rows>
void launch(const Request& request) {
  const Config config = choose_config(request, machine::cuda_device());
  const DeviceArgs args = device_args(request, config);
  const bool wide = request.cache.head_size == 128;
  const int tiles = config.row_tiles;
  if (tiles == 1) {
    return wide ? launch_rows<Rows<128>, 1>(request, config, args)
                : launch_rows<Rows<64>, 1>(request, config, args);
  }
  if (tiles == 2) {
    return wide ? launch_rows<Rows<128>, 2>(request, config, args)
                : launch_rows<Rows<64>, 2>(request, config, args);
  }
  return wide ? launch_rows<Rows<128>, 4>(request, config, args)
              : launch_rows<Rows<64>, 4>(request, config, args);
}

}  // namespace aisp::kernels::decode_attention_cuda
