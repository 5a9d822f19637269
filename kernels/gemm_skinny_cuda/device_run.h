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
/// Steps of the wgmma ring: as many as fit in 227 KiB beside barriers and alignment.
constexpr int wgmma_stages(int rows, int tokens, bool half) {
  return std::min(
      24, ((half ? 113 << 10 : 227 << 10) - 2048) / ((rows + tokens) * kWgmmaUnitK * 2 + 16));
}
/// The stream kernel: 32 rows a tile, 8 warps, and rings that fill shared memory beside their sums.
constexpr int kStreamRows = 32;
constexpr int stream_stages(int tokens) { return tokens <= 8 ? 5 : tokens <= 16 ? 4 : 3; }
constexpr int stream_warps(int tokens) { return tokens <= 16 ? 8 : 4; }
constexpr std::int64_t kMaxTileRows = 128;
/// Counters come first in the workspace, one for each block; then partial sums.
constexpr std::int64_t kCounterBytes = 4096;
constexpr int kMaxBlocks = kCounterBytes / 4;

inline Split split_of(const Shape& shape, const Config& config) {
  return make_split((shape.n + config.tile_rows - 1) / config.tile_rows,
                    (shape.k + config.unit_k - 1) / config.unit_k, config.blocks);
}

inline std::int64_t output_columns(const Request& request) {
  return request.activation == Activation::kSwiGlu ? request.shape.n / 2 : request.shape.n;
}

void run_wgmma(const Request& request, const Config& config);
void run_stream(const Request& request, const Config& config);

#ifdef __CUDACC__
}  // namespace aisp::kernels::gemm_skinny_cuda
#include "kernels/gemm_skinny_cuda/epilogue.cuh"
namespace aisp::kernels::gemm_skinny_cuda {

inline Output output_of(const Request& request) {
  return {.c = reinterpret_cast<__nv_bfloat16*>(request.c),
          .bias = reinterpret_cast<const __nv_bfloat16*>(request.bias),
          .residual = reinterpret_cast<const __nv_bfloat16*>(request.residual),
          .m = request.shape.m,
          .n = request.shape.n,
          .gated = request.activation == Activation::kSwiGlu};
}
inline Workspace workspace_of(void* workspace) {
  return {.counters = static_cast<unsigned*>(workspace),
          .partials = reinterpret_cast<float2*>(static_cast<char*>(workspace) + kCounterBytes)};
}
#endif

}  // namespace aisp::kernels::gemm_skinny_cuda
