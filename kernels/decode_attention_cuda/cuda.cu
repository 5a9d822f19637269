// Decode attention, any architecture from sm_80. A team of warps walks tiles of 16 tokens through a
// ring in shared memory, filled by asynchronous copies: no barrier of the whole block until a run
// of tokens ends. Each warp of a team has 16 query rows (a group's queries, padded); scores and
// outputs are warp-wide matrix products, with the softmax kept online between them.
//
// Shared memory holds a row's 16-byte pieces at piece ^ (row % 8), so that the eight rows of one
// matrix load lie in different banks.
//
// Source: Dao, "FlashAttention-2" (2023) for the registers of the two products; Osama et al.,
// "Stream-K", PPoPP 2023.
#include <bit>
#include <cmath>
#include <numbers>

#include "kernels/cuda/mma.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/decode_attention_cuda/cuda_shape.h"
#include "kernels/decode_attention_cuda/cuda_split.cuh"
#include "machine/cuda_raii.h"

namespace aisp::kernels::decode_attention_cuda {
namespace {

constexpr int kThreads = kWarps * 32;

// One team's view: which tiles of the run are its own, and where they lie.
template <int kHead, int kRowTiles>
class TileCopies {
 public:
  static constexpr int kRowPieces = kHead / 8;  // 16 bytes each
  static constexpr int kPartBytes = kTileTokens * kHead * 2;
  static constexpr int kThreadsOfTeam = kRowTiles * 32;

  __device__ TileCopies(const DeviceArgs& args, const Run& run, int first, int step, int count,
                        int thread)
      : args_(args), first_(first), step_(step), count_(count), thread_(thread) {
    table_ = args.block_table + static_cast<std::int64_t>(run.sequence) * args.max_blocks;
    head_offset_ = static_cast<std::int64_t>(run.head) * 2 * args.block_tokens * kHead;
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
    const bf16* k = args_.cache + block * args_.block_elements + head_offset_ +
                    (token & (args_.block_tokens - 1)) * kHead + thread_ * 8;
    const bf16* v = k + args_.block_tokens * kHead;
#pragma unroll
    for (int i = 0; i < kTileTokens * kRowPieces / kThreadsOfTeam; ++i) {
      const int piece = i * kThreadsOfTeam + thread_;
      const int row = piece / kRowPieces;
      const std::uint32_t at = to + row * kHead * 2 + ((piece % kRowPieces) ^ (row & 7)) * 16;
      const int bytes = row < valid ? 16 : 0;
      cuda::copy_async_16(at, k + i * kThreadsOfTeam * 8, bytes);
      cuda::copy_async_16(at + kPartBytes, v + i * kThreadsOfTeam * 8, bytes);
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

// Sixteen query rows against tiles: the online softmax and its weighted sum. Lane l holds rows
// l / 4 and l / 4 + 8.
template <int kHead>
struct RowState {
  std::uint32_t q[kHead / 16][4];
  float out[kHead / 8][4];
  float most[2], sum[2];  // of scores times log2(e); the sum is this lane's columns only

  __device__ void start(const DeviceArgs& args, const Run& run, int first_row, int lane) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = first_row + lane / 4 + 8 * half;
      const bf16* from = args.q + query_offset(args, run, row, kHead) + lane % 4 * 2;
#pragma unroll
      for (int i = 0; i < kHead / 16; ++i) {
        const bool inside = row < args.rows;
        q[i][half] = inside ? *reinterpret_cast<const std::uint32_t*>(from + 16 * i) : 0U;
        q[i][half + 2] = inside ? *reinterpret_cast<const std::uint32_t*>(from + 16 * i + 8) : 0U;
      }
      most[half] = -INFINITY;
      sum[half] = 0.0F;
    }
#pragma unroll
    for (auto& four : out) four[0] = four[1] = four[2] = four[3] = 0.0F;
  }

  // `sees[half]`: how many tokens of this tile the row may see (16 or more: all).
  __device__ void take(std::uint32_t k, std::uint32_t v, float scale, const int (&sees)[2],
                       int lane) {
    float score[2][4] = {};
    const int k_row = (lane & 7) + ((lane & 16) >> 1);
    const std::uint32_t k_at = k + k_row * kHead * 2;
#pragma unroll
    for (int i = 0; i < kHead / 16; ++i) {
      std::uint32_t part[4];
      cuda::load_matrix_x4(part, k_at + ((2 * i + ((lane >> 3) & 1)) ^ (lane & 7)) * 16);
      cuda::mma_bf16(score[0], q[i], part[0], part[1]);
      cuda::mma_bf16(score[1], q[i], part[2], part[3]);
    }
    std::uint32_t weights[4];
#pragma unroll
    for (int half = 0; half < 2; ++half)
      softmax_step(score, weights, half, scale, sees[half], lane);
    const std::uint32_t v_at = v + (lane & 15) * kHead * 2;
#pragma unroll
    for (int i = 0; i < kHead / 16; ++i) {
      std::uint32_t part[4];
      cuda::load_matrix_x4_transposed(part, v_at + ((2 * i + (lane >> 4)) ^ (lane & 7)) * 16);
      cuda::mma_bf16(out[2 * i], weights, part[0], part[1]);
      cuda::mma_bf16(out[2 * i + 1], weights, part[2], part[3]);
    }
  }

 private:
  __device__ void softmax_step(float (&score)[2][4], std::uint32_t (&weights)[4], int half,
                               float scale, int sees, int lane) {
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
      const float low = exp2f(score[n][2 * half] - origin);
      const float high = exp2f(score[n][2 * half + 1] - origin);
      sum[half] += low + high;
      weights[2 * n + half] = cuda::pack_bf16(low, high);
    }
  }
};

// A team's tiles of one run, through its ring.
template <int kHead, int kRowTiles, int kStages>
__device__ void walk(const DeviceArgs& args, const Run& run, RowState<kHead>& rows, char* ring) {
  constexpr int kTeams = kWarps / kRowTiles;
  constexpr int kTile = 2 * kTileTokens * kHead * 2;
  const int team = threadIdx.x / (32 * kRowTiles), thread = threadIdx.x % (32 * kRowTiles);
  const int lane = threadIdx.x % 32;
  const int first = run.first_tile + team;
  const int count = max(0, (run.end_tile - first + kTeams - 1) / kTeams);
  const std::uint32_t stages = cuda::shared_address(ring) + team * kStages * kTile;
  TileCopies<kHead, kRowTiles> copies(args, run, first, kTeams, count, thread);
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
    rows.take(at, at + kTile / 2, args.scale, sees, lane);
    stage = stage + 1 == kStages ? 0 : stage + 1;
    ahead = ahead + 1 == kStages ? 0 : ahead + 1;
  }
  cuda::copy_async_wait<0>();
}

// The teams' outputs of a run, put together: to the output when the run is a whole sequence, else
// to this block's part in the workspace.
template <int kHead, int kRowTiles>
__device__ void finish_run(const DeviceArgs& args, const Run& run, RowState<kHead>& rows,
                           float* outputs, float* stats) {
  constexpr int kTeams = kWarps / kRowTiles;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  __syncthreads();  // every ring is done with: its memory is ours
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float sum = rows.sum[half];
    sum += __shfl_xor_sync(0xffffffffU, sum, 1);
    sum += __shfl_xor_sync(0xffffffffU, sum, 2);
    const int row = warp * kTileRows + lane / 4 + 8 * half;
    float* to = outputs + row * kHead + lane % 4 * 2;
#pragma unroll
    for (int n = 0; n < kHead / 8; ++n) {
      *reinterpret_cast<float2*>(to + 8 * n) =
          make_float2(rows.out[n][2 * half], rows.out[n][2 * half + 1]);
    }
    if (lane % 4 == 0) {
      stats[2 * row] = rows.most[half];
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

template <int kHead, int kRowTiles, int kStages>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    attend_kernel(const DeviceArgs args) {
  extern __shared__ __align__(128) char shared[];
  constexpr std::size_t kRing = ring_bytes(kHead, kRowTiles, kStages);
  float* stats = reinterpret_cast<float*>(shared + kRing);
  int* prefix = reinterpret_cast<int*>(stats + 2 * kWarps * kTileRows);
  tile_prefix<kThreads>(args, prefix, prefix + kMaxBatch + 1);
  zero_unseen<kHead, kThreads>(args);
  const Split split(args, prefix);
  Run run;
  for (std::int64_t at = split.begin(); at < split.end(); at += run.end_tile - run.first_tile) {
    run = split.run_at(args, prefix, at);
    RowState<kHead> rows;
    walk<kHead, kRowTiles, kStages>(args, run, rows, shared);
    finish_run<kHead, kRowTiles>(args, run, rows, reinterpret_cast<float*>(shared), stats);
    if (!run.whole()) join_parts<kHead, kThreads>(args, run, prefix + kMaxBatch + 1);
    __syncthreads();  // before the next run's tiles land where the outputs were
  }
}

template <int kHead, int kRowTiles>
void launch(const Request& request, const Config& config, const DeviceArgs& args) {
  constexpr int kStages = stages_of(kHead, kRowTiles);
  const auto kernel = attend_kernel<kHead, kRowTiles, kStages>;
  const auto bytes = static_cast<int>(shared_bytes(kHead, kRowTiles, kStages));
  AISP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  kernel<<<config.blocks, kThreads, bytes, request.stream>>>(args);
  AISP_CUDA(cudaGetLastError());
}

DeviceArgs device_args(const Request& request, const Config& config) {
  const PagedCache& cache = request.cache;
  DeviceArgs args{};
  args.q = request.q;
  args.out = request.out;
  args.cache = cache.data;
  args.block_table = request.block_table;
  args.lengths = request.lengths;
  args.batch = request.batch;
  args.kv_heads = cache.kv_heads;
  args.group = request.heads / cache.kv_heads;
  args.q_tokens = request.q_tokens;
  args.rows = rows_of(request);
  args.max_blocks = request.max_blocks;
  args.block_tokens = cache.block_tokens;
  args.block_shift = std::countr_zero(static_cast<unsigned>(cache.block_tokens));
  args.block_elements = cache_offset(cache, 1, 0, CachePart::kK, 0);
  const float scale =
      request.scale != 0.0F ? request.scale : 1.0F / std::sqrt(static_cast<float>(cache.head_size));
  args.scale = scale * std::numbers::log2e_v<float>;
  args.counters = static_cast<int*>(request.workspace);
  const std::size_t counters = counter_bytes(static_cast<std::size_t>(request.batch) *
                                             static_cast<std::size_t>(cache.kv_heads));
  args.parts = reinterpret_cast<float*>(static_cast<char*>(request.workspace) + counters);
  args.part_stats =
      args.parts + 2 * static_cast<std::int64_t>(config.blocks) * args.rows * cache.head_size;
  return args;
}

}  // namespace

void attend_split(const Request& request) {
  const Config config = choose_config(request, machine::cuda_device());
  const DeviceArgs args = device_args(request, config);
  const bool wide = request.cache.head_size == 128;
  switch (config.row_tiles) {
    case 1:
      return wide ? launch<128, 1>(request, config, args) : launch<64, 1>(request, config, args);
    case 2:
      return wide ? launch<128, 2>(request, config, args) : launch<64, 2>(request, config, args);
    default:
      return wide ? launch<128, 4>(request, config, args) : launch<64, 4>(request, config, args);
  }
}

}  // namespace aisp::kernels::decode_attention_cuda
