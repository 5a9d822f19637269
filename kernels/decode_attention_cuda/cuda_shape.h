// Sizes that the choice (cuda_config.cc) and the kernel (cuda.cu) must agree on.
#pragma once

#include <cstddef>

#include "kernels/decode_attention_cuda/cuda.h"

namespace aisp::kernels::decode_attention_cuda {

/// 128 threads and up to 255 registers: 64 of them hold 16 rows of the output, 32 the queries.
constexpr int kWarps = 4;
constexpr int kThreads = kWarps * 32;
/// Two blocks: while one ends its run and puts parts together, the other keeps loading.
constexpr int kBlocksPerMultiprocessor = 2;

/// A tile of K and V is 8 KiB for rows of 256 bytes. Three of each of 8 warps: two on their way and
/// one in use, 128 KiB in flight on a multiprocessor. Memory at 4.2 TB/s with a latency of 1 us
/// needs 32 KiB of each of 132; the rest covers the time that a warp computes. Fewer teams and
/// narrower rows: more stages.
constexpr int stages_of(int row_bytes, int row_tiles) { return 3 * row_tiles * (256 / row_bytes); }

/// Rings of all teams, or, after them, the unnormalised outputs of all warps in f32; behind them
/// the maxima and sums of 16 rows of each warp, and the prefix sums.
constexpr std::size_t ring_bytes(int head_size, int row_bytes, int row_tiles, int stages) {
  const auto rings =
      static_cast<std::size_t>(kWarps / row_tiles * stages * 2 * kTileTokens * row_bytes);
  const auto outputs = static_cast<std::size_t>(kWarps * kTileRows * head_size * 4);
  return rings > outputs ? rings : outputs;
}
constexpr std::size_t shared_bytes(int head_size, int row_bytes, int row_tiles, int stages) {
  return ring_bytes(head_size, row_bytes, row_tiles, stages) +
         kWarps * kTileRows * 2 * sizeof(float) + (kMaxBatch + 1 + kWarps + 3) * sizeof(int);
}

/// Counters come first in the workspace; the parts behind them are 16-byte aligned.
constexpr std::size_t counter_bytes(std::size_t counters) { return (counters * 4 + 15) / 16 * 16; }

inline int rows_of(const Request& request) {
  return request.q_tokens * (request.heads / request.cache.kv_heads);
}

}  // namespace aisp::kernels::decode_attention_cuda
