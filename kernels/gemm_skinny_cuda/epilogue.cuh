// The end of a skinny product: sums of shared tiles meet in the workspace, and what a tile's rows
// add up to becomes bf16 columns of C, with bias, SwiGLU and residual on the way.
//
// Rows of weights come as pairs, 8 apart in a tile of 16: for SwiGLU the lower one is the gate's
// row and the upper one the up projection's, so one thread holds both.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "kernels/cuda/warpgroup.cuh"
#include "kernels/gemm_skinny_cuda/device_run.h"

namespace aisp::kernels::gemm_skinny_cuda {

struct Output {
  __nv_bfloat16* c = nullptr;
  const __nv_bfloat16* bias = nullptr;
  const __nv_bfloat16* residual = nullptr;
  const __half* row_scales = nullptr;  // of the weights' rows, or none
  std::int64_t m = 0, n = 0;           // n counts rows of weights
  bool gated = false;

  /// Row of the weights that is row g (half 0) or g + 8 (half 1) of a tile of 16; the last one for
  /// what lies beyond.
  __device__ std::int64_t weight_row(std::int64_t row_tile, int g, int half) const {
    const std::int64_t row =
        gated ? half * (n / 2) + row_tile * 8 + g : row_tile * 16 + 8 * half + g;
    const std::int64_t rows = gated ? (half + 1) * (n / 2) : n;
    return row < rows ? row : rows - 1;
  }
  __device__ float with_bias(float sum, std::int64_t row) const {
    if (row_scales != nullptr) sum *= __half2float(row_scales[row]);
    return bias == nullptr ? sum : sum + __bfloat162float(bias[row]);
  }
  __device__ void put(std::int64_t token, std::int64_t column, std::int64_t columns,
                      float value) const {
    const std::int64_t at = token * columns + column;
    if (residual != nullptr) value += __bfloat162float(residual[at]);
    c[at] = __float2bfloat16_rn(value);
  }
  /// sums: rows g and g + 8 of a tile of 16 for one token.
  __device__ void write_pair(std::int64_t row_tile, int g, std::int64_t token, float2 sums) const {
    if (token >= m) return;
    if (gated) {
      const std::int64_t column = row_tile * 8 + g;
      if (column >= n / 2) return;
      const float gate = with_bias(sums.x, column), up = with_bias(sums.y, n / 2 + column);
      put(token, column, n / 2, gate / (1.0F + __expf(-gate)) * up);
      return;
    }
    const std::int64_t column = row_tile * 16 + g;
    if (column < n) put(token, column, n, with_bias(sums.x, column));
    if (column + 8 < n) put(token, column + 8, n, with_bias(sums.y, column + 8));
  }
};

/// What the caller's workspace holds: a counter of arrivals for each block, zero between calls (a
/// shared tile has the counter of its first block: it is that block's last tile, so no other tile
/// has the same); then two partial tiles for each block.
struct Workspace {
  unsigned* counters = nullptr;
  float2* partials = nullptr;

  /// The partial sums of a block: `count` pairs in each slot.
  __device__ float2* partial(int block, int slot, int count) const {
    return partials + (2 * static_cast<std::int64_t>(block) + slot) * count;
  }
  /// The first `threads` threads of the block, after their partial sums are written: is this the
  /// last of `blocks` blocks to arrive at the tile of `counter`? It then sees what the others
  /// wrote, and the counter is zero again. One thread's fence orders the writes of all: the barrier
  /// makes them its own.
  __device__ bool arrive_last(int counter, int blocks, int threads) const {
    __shared__ bool last;
    cuda::named_sync(1, threads);
    if (threadIdx.x == 0) {
      __threadfence();
      last = atomicAdd(&counters[counter], 1U) + 1 == static_cast<unsigned>(blocks);
      if (last) counters[counter] = 0;
      __threadfence();
    }
    cuda::named_sync(1, threads);
    return last;
  }
};

/// From a request; n counts rows of weights.
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

}  // namespace aisp::kernels::gemm_skinny_cuda
