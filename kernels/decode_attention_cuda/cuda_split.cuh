// How the work is cut and put together again. All tiles of all (sequence, KV head) pairs stand in
// one line; block i takes the i-th equal share of it, which may end in the middle of a sequence. A
// sequence cut into parts has one part in each of several consecutive blocks; whoever finishes last
// adds them in the order of the blocks. A block has at most two parts: the end of a sequence that
// began before its share, and the beginning of one that goes on after it.
//
// Source: Osama et al., "Stream-K", PPoPP 2023.
#pragma once

#include <cmath>

#include "kernels/cuda/pack.cuh"
#include "kernels/decode_attention_cuda/cuda_shape.h"

namespace aisp::kernels::decode_attention_cuda {

struct DeviceArgs {
  const bf16* q;
  bf16* out;
  const char* cache;
  const float *k_scale, *v_scale;  // [kv_heads], or null: 1
  const std::int32_t* block_table;
  const std::int32_t* lengths;
  int* counters;      // [batch][kv_heads], zero between calls
  float* parts;       // [2 blocks][rows][head_size]
  float* part_stats;  // [2 blocks][rows][largest score, sum]
  std::int64_t block_bytes;
  int max_blocks, block_tokens, block_shift, batch, kv_heads, group, q_tokens, rows;
  int step_tokens;  // of a tile of the split: what a team takes at a time
  float scale;      // of scores, times log2(e)
};

DeviceArgs device_args(const Request& request, const Config& config);

/// A share is at least this long: below, a part costs more than it saves.
constexpr int kLeastTokens = 128;

// Consecutive tiles of one sequence and KV head, and the blocks that have the rest of it.
struct Run {
  int sequence, head, tokens, tiles;
  int first_tile, end_tile;
  int first_block, last_block;  // of the whole sequence and head
  __device__ bool whole() const { return first_tile == 0 && end_tile == tiles; }
};

/// prefix[b]: tiles of one KV head of the sequences before b; prefix[batch]: of all. `scratch`: an
/// int for each warp. Ends with the block's barrier.
template <int kThreads>
__device__ void tile_prefix(const DeviceArgs& args, int* prefix, int* scratch) {
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int each = (args.batch + kThreads - 1) / kThreads;
  int sum = 0;
  for (int b = thread * each; b < min(args.batch, (thread + 1) * each); ++b) {
    sum += (max(0, args.lengths[b]) + args.step_tokens - 1) / args.step_tokens;
  }
  int upto = sum;
  for (int step = 1; step < 32; step *= 2) {
    const int other = __shfl_up_sync(0xffffffffU, upto, step);
    if (lane >= step) upto += other;
  }
  if (lane == 31) scratch[warp] = upto;
  __syncthreads();
  int before = upto - sum;
  for (int w = 0; w < warp; ++w) before += scratch[w];
  for (int b = thread * each; b < min(args.batch, (thread + 1) * each); ++b) {
    prefix[b] = before;
    before += (max(0, args.lengths[b]) + args.step_tokens - 1) / args.step_tokens;
    if (b + 1 == args.batch) prefix[args.batch] = before;
  }
  __syncthreads();
}

class Split {
 public:
  __device__ Split(const DeviceArgs& args, const int* prefix) {
    total_ = static_cast<std::int64_t>(prefix[args.batch]) * args.kv_heads;
    const std::int64_t even = (total_ + gridDim.x - 1) / gridDim.x;
    const std::int64_t least = kLeastTokens / args.step_tokens;
    share_ = even > least ? even : least;
  }
  __device__ std::int64_t begin() const { return share_ * blockIdx.x; }
  __device__ std::int64_t end() const {
    return total_ < begin() + share_ ? total_ : begin() + share_;
  }
  /// The run that starts at tile `at` of the line and ends with its sequence or with the share.
  __device__ Run run_at(const DeviceArgs& args, const int* prefix, std::int64_t at) const {
    int low = 0, high = args.batch;  // the last sequence that begins at or before `at`
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      if (static_cast<std::int64_t>(prefix[middle]) * args.kv_heads <= at) {
        low = middle;
      } else {
        high = middle;
      }
    }
    Run run;
    run.sequence = low;
    run.tokens = args.lengths[low];
    run.tiles = prefix[low + 1] - prefix[low];
    const auto within =
        static_cast<int>(at - static_cast<std::int64_t>(prefix[low]) * args.kv_heads);
    run.head = within / run.tiles;
    run.first_tile = within % run.tiles;
    const std::int64_t left = end() - at;
    run.end_tile =
        left < run.tiles - run.first_tile ? run.first_tile + static_cast<int>(left) : run.tiles;
    run.first_block = static_cast<int>((at - run.first_tile) / share_);
    run.last_block = static_cast<int>((at - run.first_tile + run.tiles - 1) / share_);
    return run;
  }

 private:
  std::int64_t total_, share_;
};

/// Elements before query row `row` (query token, then query head of the group) in q and out.
__device__ inline std::int64_t query_offset(const DeviceArgs& args, const Run& run, int row,
                                            int head_size) {
  const int token = row / args.group, member = row % args.group;
  const std::int64_t heads = static_cast<std::int64_t>(args.kv_heads) * args.group;
  return ((static_cast<std::int64_t>(run.sequence) * args.q_tokens + token) * heads +
          run.head * args.group + member) *
         head_size;
}

/// Tokens that a query row sees.
__device__ inline int visible(const DeviceArgs& args, const Run& run, int row) {
  return run.tokens - (args.q_tokens - 1 - min(row / args.group, args.q_tokens - 1));
}

// Parts of a softmax with maxima of their own: see() all, then add() all.
struct Joined {
  float most = -INFINITY, sum = 0.0F;
  float4 out = {0.0F, 0.0F, 0.0F, 0.0F};
  __device__ void see(float part_most) { most = fmaxf(most, part_most); }
  __device__ void add(const float4& part, float part_most, float part_sum) {
    const float factor = part_most == -INFINITY ? 0.0F : exp2f(part_most - most);
    sum += factor * part_sum;
    out.x += factor * part.x;
    out.y += factor * part.y;
    out.z += factor * part.z;
    out.w += factor * part.w;
  }
};

__device__ inline void store_row(const DeviceArgs& args, const Run& run, int row, int column,
                                 int head_size, const Joined& joined) {
  const float scale = joined.sum == 0.0F ? 0.0F : 1.0F / joined.sum;
  const uint2 packed = {cuda::pack_bf16(joined.out.x * scale, joined.out.y * scale),
                        cuda::pack_bf16(joined.out.z * scale, joined.out.w * scale)};
  *reinterpret_cast<uint2*>(args.out + query_offset(args, run, row, head_size) + column) = packed;
}

/// A block's first part continues a sequence, its second begins one.
__device__ inline int part_of(int block, bool begins) { return 2 * block + (begins ? 1 : 0); }
__device__ inline int own_part(const Run& run) {
  return part_of(static_cast<int>(blockIdx.x), run.first_tile == 0);
}

__device__ inline void store_part(const DeviceArgs& args, int part, int row, int column,
                                  int head_size, const Joined& joined) {
  const std::int64_t at = static_cast<std::int64_t>(part) * args.rows + row;
  *reinterpret_cast<float4*>(args.parts + at * head_size + column) = joined.out;
  if (column == 0) {
    *reinterpret_cast<float2*>(args.part_stats + 2 * at) = make_float2(joined.most, joined.sum);
  }
}

/// All parts of a query row, by one warp: a lane weighs every 32nd part and adds up two columns of
/// each 64. Eight loads at a time: one after another, 33 parts would take 20 us.
template <int kHead>
__device__ void join_row(const DeviceArgs& args, const Run& run, int row) {
  constexpr int kPairs = kHead / 64, kAtOnce = 8;
  const int lane = threadIdx.x % 32, parts = run.last_block - run.first_block + 1;
  const auto index = [&](int part) {
    return static_cast<std::int64_t>(part_of(run.first_block + part, part == 0)) * args.rows + row;
  };
  const auto stats = [&](int part) {
    return part < parts ? __ldcg(reinterpret_cast<const float2*>(args.part_stats) + index(part))
                        : make_float2(-INFINITY, 0.0F);
  };
  float most = -INFINITY;
  for (int part = lane; part < parts; part += 32) most = fmaxf(most, stats(part).x);
  for (int step = 16; step > 0; step /= 2) {
    most = fmaxf(most, __shfl_xor_sync(0xffffffffU, most, step));
  }
  float sum = 0.0F;
  float2 out[kPairs] = {};
  for (int base = 0; base < parts; base += 32) {
    const float2 own = stats(base + lane);
    const float factor = own.x == -INFINITY ? 0.0F : exp2f(own.x - most);
    sum += factor * own.y;
    for (int first = 0; first < 32 && base + first < parts; first += kAtOnce) {
      float2 values[kAtOnce][kPairs];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const float* from = args.parts + index(min(base + first + i, parts - 1)) * kHead + 2 * lane;
#pragma unroll
        for (int p = 0; p < kPairs; ++p) {
          values[i][p] = __ldcg(reinterpret_cast<const float2*>(from + 64 * p));
        }
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const float weight = __shfl_sync(0xffffffffU, factor, first + i);  // past the end: zero
#pragma unroll
        for (int p = 0; p < kPairs; ++p) {
          out[p].x += weight * values[i][p].x;
          out[p].y += weight * values[i][p].y;
        }
      }
    }
  }
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffU, sum, step);
  const float scale = sum == 0.0F ? 0.0F : 1.0F / sum;
  bf16* to = args.out + query_offset(args, run, row, kHead) + 2 * lane;
#pragma unroll
  for (int p = 0; p < kPairs; ++p) {
    *reinterpret_cast<std::uint32_t*>(to + 64 * p) =
        cuda::pack_bf16(out[p].x * scale, out[p].y * scale);
  }
}

/// After this block's part: the last of the sequence's blocks adds all parts and leaves the counter
/// at zero for the next call. `scratch`: one int.
template <int kHead, int kThreads>
__device__ void join_parts(const DeviceArgs& args, const Run& run, int* scratch) {
  __threadfence();
  __syncthreads();
  int* counter = args.counters + run.sequence * args.kv_heads + run.head;
  if (threadIdx.x == 0) {
    const bool last = atomicAdd(counter, 1) == run.last_block - run.first_block;
    if (last) *counter = 0;
    *scratch = last ? 1 : 0;
  }
  __syncthreads();
  if (*scratch == 0) return;
  __threadfence();
  for (int row = threadIdx.x / 32; row < args.rows; row += kThreads / 32) {
    join_row<kHead>(args, run, row);
  }
}

/// Sequences without tokens have no tiles: their outputs are zeros.
template <int kHead, int kThreads>
__device__ void zero_unseen(const DeviceArgs& args) {
  const std::int64_t elements =
      static_cast<std::int64_t>(args.q_tokens) * args.kv_heads * args.group * kHead;
  for (int b = static_cast<int>(blockIdx.x); b < args.batch; b += static_cast<int>(gridDim.x)) {
    if (args.lengths[b] > 0) continue;
    for (std::int64_t i = threadIdx.x; i < elements / 8; i += kThreads) {
      reinterpret_cast<uint4*>(args.out + b * elements)[i] = make_uint4(0, 0, 0, 0);
    }
  }
}

}  // namespace aisp::kernels::decode_attention_cuda
