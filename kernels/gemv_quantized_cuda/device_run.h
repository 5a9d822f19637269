// What the choice of a configuration and the launches share: the sizes that the kernels have.
#pragma once

#include <cstdint>

#include "kernels/gemm_skinny_cuda/device_run.h"
#include "kernels/gemv_quantized_cuda/cuda.h"

namespace aisp::kernels::gemv_quantized_cuda {

/// What the packed layout keeps together.
constexpr int kUnitRows = 64;
constexpr int kUnitK = 128;
/// Any card: 8 warps with a ring each; 4-bit stages are 6.7 KB with 8 tokens, 8-bit ones 10.7 KB,
/// so that 4 (2) of them fill shared memory beside 16 KB of sums; 16 tokens leave room for 2 (4
/// warps).
constexpr int kStreamRows = kUnitRows;
constexpr int stream_warps(int bits, int tokens) { return bits == 4 && tokens <= 8 ? 8 : 4; }
constexpr int stream_stages(int bits, int tokens) { return tokens <= 8 || bits == 8 ? 4 : 5; }
/// Hopper: two units side by side are a tile, so that their tokens are copied once for both.
constexpr int kBulkRowWarps = 2;
constexpr int kBulkTeams = 4;
constexpr int kBulkRows = kBulkRowWarps * kUnitRows;
/// Units along K in a stage, so that two of them beside each other are 16 KB of weights.
constexpr int bulk_steps(int bits) { return 8 / bits; }
/// Its boxes of tokens are made of 32 of K.
constexpr int kBulkStepK = 32;

void run_stream(const Request& request, const Config& config);
void run_bulk(const Request& request, const Config& config);

inline gemm_skinny_cuda::Split split_of(const Shape& shape, const Config& config) {
  return gemm_skinny_cuda::make_split((shape.n + config.tile_rows - 1) / config.tile_rows,
                                      (shape.k + config.unit_k - 1) / config.unit_k, config.blocks);
}

}  // namespace aisp::kernels::gemv_quantized_cuda
