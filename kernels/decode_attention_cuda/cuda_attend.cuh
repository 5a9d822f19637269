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

/// Sixteen tokens at a time in one step of a team: its own scores in registers, one softmax step.
template <class Rows, int kRowTiles>
struct Steps {
  static constexpr int kSubtiles = subtiles_of(Rows::kRowBytes, kRowTiles);
  static constexpr int kTokens = kSubtiles * kTileTokens;
  static constexpr int kStages = stages_of(Rows::kRowBytes, kRowTiles);
  static constexpr int kPartBytes = kTokens * Rows::kRowBytes;
  static constexpr int kTeams = kWarps / kRowTiles;
};

// The running maximum and sum of two rows, in the registers of a matrix product: lane l has rows
// l / 4 and l / 4 + 8, and of every 8 tokens 2 (l % 4) + {0, 1}.
struct Softmax {
  float most[2] = {-INFINITY, -INFINITY};  // of scores times log2(e)
  float sum[2] = {0.0F, 0.0F};             // of this lane's tokens

  /// Scores become weights; what was summed up with the old maximum is scaled to the new one.
  /// `sees`: how many tokens of this step the row may see (more than there are: all).
  template <int kEights, int kFours>
  __device__ void step(float (&score)[kEights][4], float (&out)[kFours][4], int half, float scale,
                       int sees, int lane) {
    float top = -INFINITY;
#pragma unroll
    for (int n = 0; n < kEights; ++n) {
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
    for (int n = 0; n < kEights; ++n) {
      float& low = score[n][2 * half];
      float& high = score[n][2 * half + 1];
      low = exp2f(low - origin);
      high = exp2f(high - origin);
      sum[half] += low + high;
    }
  }
};

// Where a team stands in a run: it has the steps place, place + kTeams, ... Teams change places
// from head to head, so that what is left over at the ends of runs does not always fall to one.
template <class S>
__device__ inline int place_of(const Run& run, int team) {
  return (team + run.head) % S::kTeams;
}
template <class S>
__device__ inline int steps_of(const Run& run, int place) {
  return max(0, (run.end_tile - run.first_tile - place + S::kTeams - 1) / S::kTeams);
}

// The copies of one team, run after run, as far as this block's share goes.
template <class Rows, int kRowTiles>
class Copies {
 public:
  using S = Steps<Rows, kRowTiles>;
  static constexpr int kRowBytes = Rows::kRowBytes;
  static constexpr int kRowPieces = kRowBytes / 16;
  static constexpr int kThreadsOfTeam = kRowTiles * 32;

  __device__ Copies(const DeviceArgs& args, const Split& split, const int* prefix)
      : args_(args), split_(split), prefix_(prefix), at_(split.begin()) {
    thread_ = threadIdx.x % kThreadsOfTeam;
    open();
  }
  // Starts the copy of the next step, if there is one. Tokens past the length are not read: they
  // become zeros.
  __device__ void start(std::uint32_t to) {
    if (index_ == count_) open();
    if (index_ == count_) return;
    constexpr int kStepsOfSet = 32 / S::kSubtiles;
    if (index_ % kStepsOfSet == 0 && index_ > 0) {
      now_ = next_;
      next_ = entry(index_ * S::kSubtiles + 32 + thread_ % 32);
    }
#pragma unroll
    for (int sub = 0; sub < S::kSubtiles; ++sub) {
      const int number = index_ * S::kSubtiles + sub;
      const std::int64_t block = __shfl_sync(0xffffffffU, now_, number % 32);
      const int token = token_of(number), valid = tokens_ - token;
      const char* k = args_.cache + block * args_.block_bytes + head_offset_ +
                      (token & (args_.block_tokens - 1)) * kRowBytes + thread_ * 16;
      copy(k, to + sub * kTileTokens * kRowBytes, valid);
    }
    ++index_;
  }

 private:
  __device__ void copy(const char* k, std::uint32_t to, int valid) {
    const char* v = k + args_.block_tokens * kRowBytes;
    constexpr int kPieces = kTileTokens * kRowPieces;
#pragma unroll
    for (int first = 0; first < kPieces; first += kThreadsOfTeam) {
      const int piece = first + thread_, row = piece / kRowPieces;
      if (piece >= kPieces) break;  // narrow rows and four warps
      const std::uint32_t at = to + piece_offset<kRowBytes>(row, piece % kRowPieces);
      const int bytes = row < valid ? 16 : 0;
      cuda::copy_async_16(at, k + first * 16, bytes);
      cuda::copy_async_16(at + S::kPartBytes, v + first * 16, bytes);
    }
  }
  // The next run in which the team has a step.
  __device__ void open() {
    while (index_ == count_ && at_ < split_.end()) {
      const Run run = split_.run_at(args_, prefix_, at_);
      const int place = place_of<S>(run, static_cast<int>(threadIdx.x) / kThreadsOfTeam);
      at_ += run.end_tile - run.first_tile;
      index_ = 0;
      count_ = steps_of<S>(run, place);
      first_ = run.first_tile + place;
      tokens_ = run.tokens;
      table_ = args_.block_table + static_cast<std::int64_t>(run.sequence) * args_.max_blocks;
      head_offset_ = static_cast<std::int64_t>(run.head) * 2 * args_.block_tokens * kRowBytes;
      now_ = entry(thread_ % 32);
      next_ = entry(32 + thread_ % 32);
    }
  }
  // Of the team's n-th sixteen tokens of the run: the first.
  __device__ int token_of(int n) const {
    return (first_ + n / S::kSubtiles * S::kTeams) * S::kTokens + n % S::kSubtiles * kTileTokens;
  }
  // The table is read for 32 subtiles at a time, one set ahead of its use.
  __device__ int entry(int n) const {
    const int token = token_of(n);
    return n < count_ * S::kSubtiles && token < tokens_
               ? __ldg(table_ + (token >> args_.block_shift))
               : 0;
  }

  const DeviceArgs& args_;
  const Split& split_;
  const int* prefix_;
  std::int64_t at_;
  const std::int32_t* table_ = nullptr;
  std::int64_t head_offset_ = 0;
  int first_ = 0, index_ = 0, count_ = 0, thread_ = 0, tokens_ = 0;
  int now_ = 0, next_ = 0;
};

// Where a team is in its ring.
template <class S>
struct Ring {
  std::uint32_t stages;
  int stage = 0, ahead = S::kStages - 1;
  __device__ static int after(int stage) { return stage + 1 == S::kStages ? 0 : stage + 1; }
  __device__ std::uint32_t at(int which) const { return stages + which * 2 * S::kPartBytes; }
};

// A team's steps of one run, through its ring.
template <class Rows, int kRowTiles>
__device__ void walk(const DeviceArgs& args, const Run& run, Rows& rows,
                     Copies<Rows, kRowTiles>& copies, Ring<Steps<Rows, kRowTiles>>& ring) {
  using S = Steps<Rows, kRowTiles>;
  const int team = threadIdx.x / (32 * kRowTiles), thread = threadIdx.x % (32 * kRowTiles);
  const int lane = threadIdx.x % 32, place = place_of<S>(run, team);
  const int count = steps_of<S>(run, place);
  rows.start(args, run, thread / 32 * kTileRows, lane);
  int limit[2];  // tokens that each of the two rows sees
  for (int half = 0; half < 2; ++half) {
    limit[half] = visible(args, run, thread / 32 * kTileRows + lane / 4 + 8 * half);
  }
  const float scale = args.scale * (args.k_scale != nullptr ? args.k_scale[run.head] : 1.0F);
  for (int i = 0; i < count; ++i) {
    cuda::copy_async_wait<S::kStages - 2>();
    if constexpr (kRowTiles == 1) {
      __syncwarp();
    } else {  // barrier 0 is the block's
      asm volatile("bar.sync %0, %1;" ::"r"(1 + team), "r"(32 * kRowTiles) : "memory");
    }
    copies.start(ring.at(ring.ahead));
    cuda::copy_async_commit();
    const int token = (run.first_tile + place + i * S::kTeams) * S::kTokens;
    const int sees[2] = {limit[0] - token, limit[1] - token};
    const std::uint32_t at = ring.at(ring.stage);
    rows.template take<S::kSubtiles>(at, at + S::kPartBytes, scale, sees, lane);
    ring.stage = ring.after(ring.stage);
    ring.ahead = ring.after(ring.ahead);
  }
}

// The teams' outputs of a run, put together: to the output when the run is a whole sequence, else
// to this block's part in the workspace. 32 columns at a time, because the rings keep the rest of
// the shared memory.
template <class Rows, int kRowTiles>
__device__ void finish_run(const DeviceArgs& args, const Run& run, Rows& rows, float* outputs,
                           float* stats) {
  constexpr int kTeams = kWarps / kRowTiles, kHead = Rows::kHead;
  const float scale = args.v_scale != nullptr ? args.v_scale[run.head] : 1.0F;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float sum = rows.softmax.sum[half];
    sum += __shfl_xor_sync(0xffffffffU, sum, 1);
    sum += __shfl_xor_sync(0xffffffffU, sum, 2);
    const int row = warp * kTileRows + lane / 4 + 8 * half;
    if (lane % 4 == 0) {
      stats[2 * row] = rows.softmax.most[half];
      stats[2 * row + 1] = sum;
    }
  }
#pragma unroll
  for (int chunk = 0; chunk < kHead / kChunkColumns; ++chunk) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = warp * kTileRows + lane / 4 + 8 * half;
      rows.store(outputs + row * kChunkStride, chunk, half, scale, lane);
    }
    __syncthreads();
    for (int at = threadIdx.x; at < args.rows * (kChunkColumns / 4); at += kThreads) {
      const int row = at / (kChunkColumns / 4), within = at % (kChunkColumns / 4) * 4;
      Joined joined;
      for (int team = 0; team < kTeams; ++team) {
        joined.see(stats[2 * (team * kRowTiles * kTileRows + row)]);
      }
      for (int team = 0; team < kTeams; ++team) {
        const int from = team * kRowTiles * kTileRows + row;
        joined.add(*reinterpret_cast<const float4*>(outputs + from * kChunkStride + within),
                   stats[2 * from], stats[2 * from + 1]);
      }
      const int column = chunk * kChunkColumns + within;
      if (run.whole()) {
        store_row(args, run, row, column, kHead, joined);
      } else {
        store_part(args, own_part(run), row, column, kHead, joined);
      }
    }
    __syncthreads();
  }
}

template <class Rows, int kRowTiles>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    attend_kernel(const __grid_constant__ DeviceArgs args) {
  using S = Steps<Rows, kRowTiles>;
  extern __shared__ __align__(128) char shared[];
  float* outputs = reinterpret_cast<float*>(shared + S::kTeams * S::kStages * 2 * S::kPartBytes);
  float* stats = outputs + kWarps * kTileRows * kChunkStride;
  int* prefix = reinterpret_cast<int*>(stats + 2 * kWarps * kTileRows);
  tile_prefix<kThreads>(args, prefix, prefix + kMaxBatch + 1);
  const Split split(args, prefix);
  Copies<Rows, kRowTiles> copies(args, split, prefix);
  const int team = threadIdx.x / (32 * kRowTiles);
  Ring<S> ring{cuda::shared_address(shared) + team * S::kStages * 2 * S::kPartBytes};
#pragma unroll 1
  for (int i = 0; i < S::kStages - 1; ++i) {
    copies.start(ring.at(i));
    cuda::copy_async_commit();
  }
  Run run;
  for (std::int64_t at = split.begin(); at < split.end(); at += run.end_tile - run.first_tile) {
    run = split.run_at(args, prefix, at);
    Rows rows;
    walk<Rows, kRowTiles>(args, run, rows, copies, ring);
    finish_run<Rows, kRowTiles>(args, run, rows, outputs, stats);
    if (!run.whole()) join_parts<Rows::kHead, kThreads>(args, run, prefix + kMaxBatch + 1);
  }
  zero_unseen<Rows::kHead, kThreads>(args);
}

template <class Rows, int kRowTiles>
void launch_rows(const Request& request, const Config& config, const DeviceArgs& args) {
  const auto kernel = attend_kernel<Rows, kRowTiles>;
  const auto bytes = static_cast<int>(shared_bytes(Rows::kRowBytes, kRowTiles));
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
