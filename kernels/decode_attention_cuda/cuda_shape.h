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

/// Tokens of a step come in units that are 8 KiB of K and V for each warp of a team; up to four
/// subtiles, so that the scores of a step fit in 32 registers. More tokens a step hide the latency
/// of the products' chains when a team's warps share its tiles.
constexpr int units_of(int row_bytes, int row_tiles) { return 256 / row_bytes * row_tiles; }
constexpr int subtiles_of(int row_bytes, int row_tiles) {
  return units_of(row_bytes, row_tiles) < 4 ? units_of(row_bytes, row_tiles) : 4;
}
/// Two steps on their way and one in use (more when steps are smaller than their unit): 128 KiB in
/// flight on a multiprocessor. Memory at 4.2 TB/s with a latency of 1 us needs 32 KiB of each of
/// 132; the rest covers the time that a warp computes.
constexpr int stages_of(int row_bytes, int row_tiles) {
  return 3 * units_of(row_bytes, row_tiles) / subtiles_of(row_bytes, row_tiles);
}
constexpr int step_tokens(int row_bytes, int row_tiles) {
  return subtiles_of(row_bytes, row_tiles) * kTileTokens;
}

/// Columns of the outputs that the warps of a block put together at a time, and the floats from row
/// to row there: 4 more, so that rows start in different banks.
constexpr int kChunkColumns = 32;
constexpr int kChunkStride = kChunkColumns + 4;

/// Rings of all teams; one chunk of outputs; the maxima and sums of 16 rows of each warp; prefix
/// sums of the lengths, and a few ints.
constexpr std::size_t shared_bytes(int row_bytes, int row_tiles) {
  const int rings = kWarps / row_tiles * stages_of(row_bytes, row_tiles) * 2 *
                    step_tokens(row_bytes, row_tiles) * row_bytes;
  const int outputs = kWarps * kTileRows * (kChunkStride + 2) * 4;
  return static_cast<std::size_t>(rings + outputs + (kMaxBatch + 1 + kWarps + 3) * 4);
}

/// Counters come first in the workspace; the parts behind them are 16-byte aligned.
constexpr std::size_t counter_bytes(std::size_t counters) { return (counters * 4 + 15) / 16 * 16; }

inline int rows_of(const Request& request) {
  return request.q_tokens * (request.heads / request.cache.kv_heads);
}

}  // namespace aisp::kernels::decode_attention_cuda
