// Packed weights to fragments of mma, in registers. A 4-bit q becomes the bf16 number 128 + q when
// its bits go under the exponent of 128, which takes one instruction for two weights (and a shift
// for three pairs of four). The 128, and the zero point, come off the sums instead of the weights:
//   sum (q - z) a = sum (128 + q) a - (128 + z) sum a,
// and the sum of a group's tokens is one mma with ones for 64 rows, beside the others. 8 bits do
// not fit under the exponent (bf16 has 7): q = (128 + low 7 bits) - (128 + 128 top bit), exact in
// one subtraction. So int4 takes 0.9 instructions a weight and int8 1.8. From 4.3 TB/s, 38 int4
// weights (19 int8) arrive in each multiprocessor of an H200 every cycle: 1.1 of the 4 warp
// instructions that it can issue meanwhile.
//
// Source: Kim et al., "Who Says Elephants Can't Run", arXiv:2211.10017 (the bits, for f16);
// Frantar et al., "MARLIN", arXiv:2408.11743 (the order).
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "kernels/gemm_skinny_cuda/stream.cuh"
#include "kernels/gemv_quantized_cuda/device_run.h"

namespace aisp::kernels::gemv_quantized_cuda {

using gemm_skinny_cuda::StreamArguments;

constexpr std::uint32_t k128 = 0x43004300;   // 128.0 twice, in bf16
constexpr std::uint32_t kOnes = 0x3f803f80;  // 1.0 twice

/// (x & mask) | 128.0: one instruction (lop3).
__device__ inline std::uint32_t above_128(std::uint32_t x, std::uint32_t mask) {
  std::uint32_t y;
  asm("lop3.b32 %0, %1, %2, %3, 0xEA;" : "=r"(y) : "r"(x), "r"(mask), "r"(k128));
  return y;
}
__device__ inline std::uint32_t minus(std::uint32_t a, std::uint32_t b) {
  const __nv_bfloat162 difference = __hsub2(reinterpret_cast<const __nv_bfloat162&>(a),
                                            reinterpret_cast<const __nv_bfloat162&>(b));
  return reinterpret_cast<const std::uint32_t&>(difference);
}

/// One format of pack.h: units of 64 rows x 128 of K in contiguous bytes. kGroups: of 128 of K; 0
/// means one scale a row, which the epilogue applies.
template <int kBitsEach, int kGroups, bool kZeros>
struct Packed {
  static constexpr int kBits = kBitsEach;
  static constexpr int kUnitK = gemv_quantized_cuda::kUnitK;
  static constexpr int kRowTiles = kUnitRows / 16;
  static constexpr bool kRowScales = kGroups == 0;
  static constexpr int kTileBytes = 16 * kUnitK * kBits / 8;
  static constexpr int kScaleAt = kRowTiles * kTileBytes;
  static constexpr int kZeroAt = kScaleAt + kGroups * kUnitRows * 2;
  static constexpr int kUnitBytes = kZeroAt + (kZeros ? kGroups * kUnitRows : 0);

  /// Along K.
  static __host__ __device__ int units_of(const StreamArguments& p) {
    return static_cast<int>((p.k + kUnitK - 1) / kUnitK);
  }
  static __device__ const char* unit_of(const StreamArguments& p, int tile, int unit) {
    return static_cast<const char*>(p.weights) +
           (static_cast<std::int64_t>(tile) * units_of(p) + unit) * kUnitBytes;
  }
  static __device__ void copy(const StreamArguments& p, std::uint32_t to, int tile, int unit,
                              int lane, std::uint64_t policy) {
    const char* from = unit_of(p, tile, unit);
#pragma unroll
    for (int at = 0; at < kUnitBytes; at += 512) {
      const int mine = at + lane * 16;
      if (mine < kUnitBytes) gemm_skinny_cuda::copy_async_once(to + mine, from + mine, 16, policy);
    }
  }

  /// The fragment of k = 32 j + 16 half: q + 128 (4 bits) or q (8 bits).
  static __device__ void fragment(const char* tile, int j, int half, int lane,
                                  std::uint32_t (&a)[4]) {
    const auto* pieces = reinterpret_cast<const uint4*>(tile) + lane;
    if constexpr (kBits == 4) {
      // One load serves j and j + 1: the loops around are unrolled.
      const uint4 piece = pieces[32 * (j / 2)];
      const std::uint32_t g[2] = {j % 2 == 0 ? piece.x : piece.z, j % 2 == 0 ? piece.y : piece.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        a[i] = above_128(g[i % 2] >> ((2 * half + i / 2) * 4), 0x000f000f);
      }
    } else {
      const uint4 piece = pieces[32 * j];
      const std::uint32_t words[2] = {half == 0 ? piece.x : piece.z, half == 0 ? piece.y : piece.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const std::uint32_t word = words[i % 2] >> (i / 2 * 8);
        a[i] = minus(above_128(word, 0x007f007f), above_128(word, 0x00800080));
      }
    }
  }
  /// Minus (128 + zero) of rows g and g + 8.
  static __device__ float2 offsets(const char* unit, int tile, int group, int lane) {
    if constexpr (kZeros) {
      const std::uint32_t zeros = *reinterpret_cast<const std::uint16_t*>(
          unit + kZeroAt + group * kUnitRows + tile * 16 + lane / 4 * 2);
      return {-128.0F - static_cast<float>(zeros & 0xff), -128.0F - static_cast<float>(zeros >> 8)};
    }
    return {-136.0F, -136.0F};
  }

  template <int kTokenTiles>
  static __device__ void multiply(const char* unit, const uint4 (&tokens)[kTokenTiles][4], int lane,
                                  float (&sums)[kRowTiles][kTokenTiles][4]) {
    constexpr int kParts = kRowScales ? 1 : kGroups, kSubs = 4 / kParts;
#pragma unroll
    for (int group = 0; group < kParts; ++group) {
      float token_sums[kTokenTiles][2][4] = {}, part[kRowTiles][kTokenTiles][4] = {};
#pragma unroll
      for (int step = group * kSubs * 2; step < (group + 1) * kSubs * 2; ++step) {
        const int j = step / 2, half = step % 2;
#pragma unroll
        for (int i = 0; kBits == 4 && i < kTokenTiles; ++i) {
          const uint4& four = tokens[i][j];
          cuda::mma_bf16(token_sums[i][half], {kOnes, kOnes, kOnes, kOnes},
                         half == 0 ? four.x : four.z, half == 0 ? four.y : four.w);
        }
        // Tiles are the inner loop: a mma takes 33 cycles, and its neighbours do not wait for it.
#pragma unroll
        for (int tile = 0; tile < kRowTiles; ++tile) {
          std::uint32_t a[4];
          fragment(unit + tile * kTileBytes, j, half, lane, a);
#pragma unroll
          for (int i = 0; i < kTokenTiles; ++i) {
            const uint4& four = tokens[i][j];
            cuda::mma_bf16(kRowScales ? sums[tile][i] : part[tile][i], {a[0], a[1], a[2], a[3]},
                           half == 0 ? four.x : four.z, half == 0 ? four.y : four.w);
          }
        }
      }
#pragma unroll
      for (int tile = 0; !kRowScales && tile < kRowTiles; ++tile) {
        const float2 scale = __half22float2(reinterpret_cast<const __half2*>(
            unit + kScaleAt)[(group * kRowTiles + tile) * 8 + lane / 4]);
        const float2 offset = offsets(unit, tile, group, lane);
#pragma unroll
        for (int i = 0; i < kTokenTiles; ++i) {
          float(&to)[4] = sums[tile][i];
          const float(&from)[4] = part[tile][i];
          float low = 0.0F, high = 0.0F;  // sums of two tokens
          if constexpr (kBits == 4) {
            low = token_sums[i][0][0] + token_sums[i][1][0];
            high = token_sums[i][0][1] + token_sums[i][1][1];
          }
          to[0] += scale.x * (kBits == 4 ? fmaf(offset.x, low, from[0]) : from[0]);
          to[1] += scale.x * (kBits == 4 ? fmaf(offset.x, high, from[1]) : from[1]);
          to[2] += scale.y * (kBits == 4 ? fmaf(offset.y, low, from[2]) : from[2]);
          to[3] += scale.y * (kBits == 4 ? fmaf(offset.y, high, from[3]) : from[3]);
        }
      }
    }
  }
};

/// Calls with(Packed<...>{}) for a format.
template <class With>
void with_format(Format format, With with) {
  switch (format) {
    case Format::kInt8Channel:
      return with(Packed<8, 0, false>{});
    case Format::kInt8Group128:
      return with(Packed<8, 1, false>{});
    case Format::kInt8Group32:
      return with(Packed<8, 4, false>{});
    case Format::kInt4Group128:
      return with(Packed<4, 1, false>{});
    case Format::kInt4Group128Zeros:
      return with(Packed<4, 1, true>{});
    case Format::kInt4Group32:
      return with(Packed<4, 4, false>{});
  }
}

/// What a launch of either kernel is told.
template <class Weights>
StreamArguments arguments_of(const Request& request, const Config& config) {
  const Shape& shape = request.shape;
  StreamArguments arguments;
  arguments.weights = request.weights;
  arguments.a = reinterpret_cast<const std::uint16_t*>(request.a);
  arguments.out = {.c = reinterpret_cast<__nv_bfloat16*>(request.c),
                   .bias = reinterpret_cast<const __nv_bfloat16*>(request.bias),
                   .residual = reinterpret_cast<const __nv_bfloat16*>(request.residual),
                   .m = shape.m,
                   .n = shape.n,
                   .gated = request.activation == Activation::kSwiGlu};
  arguments.workspace = gemm_skinny_cuda::workspace_of(request.workspace);
  arguments.k = shape.k;
  arguments.split = split_of(shape, config);
  if (Weights::kRowScales) {
    const std::int64_t units = (shape.n + kUnitRows - 1) / kUnitRows * Weights::units_of(arguments);
    arguments.out.row_scales = reinterpret_cast<const __half*>(
        static_cast<const char*>(request.weights) + units * Weights::kUnitBytes);
  }
  return arguments;
}

}  // namespace aisp::kernels::gemv_quantized_cuda
