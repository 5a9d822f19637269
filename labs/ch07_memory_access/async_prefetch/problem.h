// Scores of a decode step against a paged K cache: for each sequence, its 4 query heads that share
// one KV head, times the keys of its tokens, which lie in blocks of 16 tokens (8 KB) anywhere in
// the cache. A block is a tile: it is loaded, then computed on. The techniques differ in when the
// next tile's lines are asked for, and whether they pass through a scratch.
// Inputs: q[sequences][4][128], keys[blocks][16][128] f32, table[blocks] i32. Output:
// scores[blocks][4][16] in the order of the table.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch07::async_prefetch {

inline constexpr std::int64_t kWidth = 128;  // of a head, Llama 3
inline constexpr std::int64_t kHeads = 4;    // query heads for each KV head, Llama 3 8B
inline constexpr std::int64_t kTokens = 16;  // of a block, vLLM's default
inline constexpr std::int64_t kTile = kTokens * kWidth;

enum class Load {
  kInPlace,       // compute on the cache
  kStaged,        // copy the tile into a scratch, then compute on it
  kPrefetchNext,  // compute on the cache, and prefetch one line of the next tile for each line read
  kDoubleBuffered  // compute on a scratch, and copy one row of the next tile for each row read
};

/// One call: blocks_each consecutive blocks of the table belong to each sequence.
struct Call {
  const float* q = nullptr;             // [sequences][4][128]
  const float* keys = nullptr;          // [blocks][16][128]
  const std::int32_t* table = nullptr;  // [blocks]: which block of keys comes i-th
  float* scores = nullptr;              // [blocks][4][16]
  float* scratch = nullptr;             // 2 tiles, 64-byte aligned
  std::int64_t first_block = 0;
  std::int64_t last_block = 0;  // exclusive
  std::int64_t blocks_each = 0;
};

/// All blocks of one call, without scratch.
Call call_of(const bench::Io& io, std::int64_t blocks_each);

/// The loop of one instruction set; the caller has asked machine::cpu(). f32 with fused
/// multiply-add where the hardware has it: error <= dot_bound(128, 2^-24) * sum |q k|.
using Run = void (*)(const Call& call, Load load);
void run_portable(const Call& call, Load load);
void run_avx2(const Call& call, Load load);
void run_avx512(const Call& call, Load load);

/// The widest of the three that `cpu` can run.
Run choose_run(const machine::Cpu& cpu);

/// A technique that runs the widest loop with one way of loading.
bench::Technique with_load(const char* name, const char* summary, Load load);

bench::Technique in_place();
bench::Technique load_sync_compute();
bench::Technique double_buffer();
bench::Technique prefetch_next();
bench::Technique prefetch_threads();

// On the GPU.
std::unique_ptr<bench::Plan> plan_tile_sync(const bench::Params&);
std::unique_ptr<bench::Plan> plan_tile_double_buffer(const bench::Params&);
std::unique_ptr<bench::Plan> plan_tile_three_buffers(const bench::Params&);
std::unique_ptr<bench::Plan> plan_tile_in_registers(const bench::Params&);

}  // namespace aisp::labs::ch07::async_prefetch
