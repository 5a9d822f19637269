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
/// Hopper: 8 warps that take units of one row of them in turn, or 12 for 4 bits, whose decoding
/// they share (not with 16 tokens: a thread of so many warps has too few registers for that); 4-bit
/// units may also be taken four abreast, so that tokens are copied once for four.
constexpr int bulk_warps(int bits, int token_tiles) {
  return bits == 4 && token_tiles == 1 ? 12 : 8;
}
constexpr int kWideRowWarps = 4;
/// Its boxes of tokens are made of 32 of K.
constexpr int kBulkStepK = 32;

void run_stream(const Request& request, const Config& config);
void run_bulk(const Request& request, const Config& config);

inline gemm_skinny_cuda::Split split_of(const Shape& shape, const Config& config) {
  return gemm_skinny_cuda::make_split((shape.n + config.tile_rows - 1) / config.tile_rows,
                                      (shape.k + config.unit_k - 1) / config.unit_k, config.blocks);
}

}  // namespace aisp::kernels::gemv_quantized_cuda
