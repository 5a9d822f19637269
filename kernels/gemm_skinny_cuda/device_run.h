// What the variants of the skinny product share on the host: their numbers, which the choice of a
// configuration needs too, and the pieces of a launch.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/gemm_skinny_cuda/cuda.h"
#include "kernels/gemm_skinny_cuda/split.h"

namespace aisp::kernels::gemm_skinny_cuda {

constexpr int kWgmmaUnitK = 64;
constexpr int kStreamUnitK = 64;
/// The wgmma ring: steps of 64 along K in a stage, so that its weights are 32 KB where tokens leave
/// room for four stages or more; stages, as many as fit in 227 KiB beside barriers and alignment.
constexpr int wgmma_steps(int rows, int tokens) {
  return std::max(1, (tokens <= 32 ? 256 : 128) / rows);
}
constexpr int wgmma_stages(int rows, int tokens) {
  return ((227 << 10) - 2048) /
         (wgmma_steps(rows, tokens) * (rows + tokens) * kWgmmaUnitK * 2 + 16);
}
/// The stream kernel: 32 rows a tile, 8 warps, and rings that fill shared memory beside their sums.
constexpr int kStreamRows = 32;
constexpr int stream_stages(int tokens) { return tokens <= 8 ? 5 : tokens <= 16 ? 4 : 3; }
constexpr int stream_warps(int tokens) { return tokens <= 16 ? 8 : 4; }
/// Counters come first in the workspace, one for each block; then partial sums.
constexpr std::int64_t kCounterBytes = 4096;
constexpr int kMaxBlocks = kCounterBytes / 4;

/// A grid that shares no tile, or cuts each into the same number of parts, ends all blocks at once
/// with one round of sums: on one H200 (CUDA 13.0), 16 x 8192 x 8192 took 34.7 us with 128 blocks
/// of a whole tile and 37.0 us with 132 blocks that start anywhere, 8 x 6144 x 4096 15.7 us with 96
/// and 18.3 us with 132. So it is taken when it keeps 7 of 10 multiprocessors busy; else all of
/// them share evenly (with 80 of 132, overlapping launches lost a quarter).
inline int blocks_for(std::int64_t tiles, int multiprocessors) {
  const int most = std::min(multiprocessors, kMaxBlocks);
  const auto even = static_cast<int>(most / tiles * tiles);
  return even * 10 >= most * 7 ? even : most;
}

inline Split split_of(const Shape& shape, const Config& config) {
  return make_split((shape.n + config.tile_rows - 1) / config.tile_rows,
                    (shape.k + config.unit_k - 1) / config.unit_k, config.blocks);
}

inline Walk walk_of(const Shape& shape, const Config& config) {
  return make_walk((shape.n + config.tile_rows - 1) / config.tile_rows,
                   (shape.k + config.unit_k - 1) / config.unit_k, config.share, config.split,
                   config.blocks / (config.share * config.split));
}
/// The wgmma kernel with these tiles and clusters, of which `most` blocks fit on the device. Blocks
/// are 0 where it cannot be: clusters of more than 8; fewer than 8 tokens for each of those who
/// share them, or fewer steps than parts; or, with more than two parts, more tiles than clusters
/// (one tile at most is divided, when all others are done: its sums meet where the ring was).
inline Config wgmma_with(const Shape& shape, int tokens, int rows, int share, int split, int most) {
  Config config{.variant = "wgmma",
                .tile_rows = rows,
                .tile_tokens = tokens,
                .unit_k = kWgmmaUnitK * wgmma_steps(rows, tokens),
                .stages = wgmma_stages(rows, tokens),
                .share = share,
                .split = split};
  const std::int64_t units = (shape.k + config.unit_k - 1) / config.unit_k;
  const std::int64_t groups = (shape.n + share * rows - 1) / (share * rows);
  const std::int64_t clusters = std::min<std::int64_t>(groups, most / (share * split));
  const bool possible = std::max(share, split) <= 8 && std::min(share, split) == 1 &&
                        tokens / share >= 8 && units >= split && clusters > 0 &&
                        (split <= 2 || clusters == groups);
  config.blocks = possible ? static_cast<int>(clusters) * share * split : 0;
  return config;
}

inline std::int64_t output_columns(const Request& request) {
  return request.activation == Activation::kSwiGlu ? request.shape.n / 2 : request.shape.n;
}

void run_wgmma(const Request& request, const Config& config);
void run_stream(const Request& request, const Config& config);

}  // namespace aisp::kernels::gemm_skinny_cuda
