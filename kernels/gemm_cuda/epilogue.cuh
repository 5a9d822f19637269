// From the sums of a tile to C: what follows the product, in registers, then 16 rows x 128 bytes at
// a time through shared memory (in the copy engine's swizzle: no bank conflicts), stored by it. A
// warp does this alone, with two buffers; the residual comes the same way into the same buffers,
// its first two chunks before the main loop.
//
// Source: PTX ISA 9.0 (wgmma's accumulator layout, the 128-byte swizzle).
#pragma once

#include <utility>

#include "kernels/cuda/tma.cuh"
#include "kernels/gemm_cuda/epilogue_math.cuh"

namespace aisp::kernels::gemm_cuda {

constexpr int kChunkRows = 16, kChunkRowBytes = 128, kChunkBytes = kChunkRows * kChunkRowBytes;

template <Output kOutput>
constexpr int output_bytes() {
  return kOutput == Output::kF32 ? 4 : kOutput == Output::kBF16 ? 2 : 1;
}

/// Byte of (row, byte) in a chunk with the 128-byte swizzle.
__device__ inline int swizzled(int row, int byte) {
  return row * kChunkRowBytes + ((((byte >> 4) ^ (row & 7)) << 4) | (byte & 15));
}

/// The two buffers of one warp.
template <class T>
struct Chunks {
  unsigned char (*buffers)[kChunkBytes];
  cuda::Barrier* loaded;
  int next = 0;              // buffer
  std::uint32_t parity = 0;  // of `loaded`, a bit for each buffer

  static constexpr int kBytes = output_bytes<T::kOutput>();
  static constexpr int kColumns = kChunkRowBytes / kBytes;
  static constexpr int kCount = T::kColumns / kColumns;
  // Columns whose values are in flight at a time: 16 registers beside the sums.
  static constexpr int kPieceColumns = 32;
  using Piece = float[kPieceColumns / 2];
  static constexpr bool kResidual = T::kOutput == Output::kBF16 && kCount % 2 == 0;

  template <class Arguments>
  __device__ void load_residual(const Arguments& arguments, int buffer, int row, int column) {
    cuda::barrier_arrive_expect(&loaded[buffer], kChunkBytes);
    cuda::tma_load(buffers[buffer], arguments.residual, &loaded[buffer], column, row);
  }

  /// Before the main loop: the residual's first two chunks.
  template <class Arguments>
  __device__ void begin(const Arguments& arguments, int row, int column, int lane) {
    if constexpr (kResidual) {
      if (arguments.epilogue.residual && lane == 0) {
        cuda::store_wait_read<0>();
        load_residual(arguments, 0, row, column);
        load_residual(arguments, 1, row, column + kColumns);
      }
    }
  }

  /// A piece of this lane: v[4 j + {0, 1}] columns 8 j + 2 (lane % 4) + {0, 1} of row lane / 4,
  /// v[4 j + {2, 3}] of row lane / 4 + 8, to `byte` of the chunk's rows.
  static __device__ void write(unsigned char* to, int byte, int lane, const Piece& v) {
    if constexpr (T::kOutput == Output::kBF16) {
      const int row = lane % 16, half = lane / 16;
      const std::uint32_t base = cuda::shared_address(to) + row * kChunkRowBytes;
#pragma unroll
      for (int j = 0; j < kPieceColumns / 8; j += 2) {
        cuda::store_matrix_x4(base + (((byte / 16 + j + half) ^ (row & 7)) << 4),
                              cuda::pack_bf16(v[4 * j], v[4 * j + 1]),
                              cuda::pack_bf16(v[4 * j + 2], v[4 * j + 3]),
                              cuda::pack_bf16(v[4 * j + 4], v[4 * j + 5]),
                              cuda::pack_bf16(v[4 * j + 6], v[4 * j + 7]));
      }
      return;
    }
    const int row = lane / 4;
#pragma unroll
    for (int i = 0; i < kPieceColumns / 2; i += 2) {
      const int at_byte = byte + kBytes * (8 * (i / 4) + 2 * (lane % 4));
      unsigned char* at = to + swizzled(row + 4 * (i % 4), at_byte);
      if constexpr (T::kOutput == Output::kF32) {
        *reinterpret_cast<float2*>(at) = make_float2(v[i], v[i + 1]);
      } else if constexpr (T::kOutput == Output::kE4M3) {
        *reinterpret_cast<std::uint16_t*>(at) = cuda::pack_e4m3(v[i], v[i + 1]);
      }
    }
  }

  static __device__ void add_residual(const unsigned char* from, int byte, int lane, Piece& v) {
    const int row = lane / 4;
#pragma unroll
    for (int i = 0; i < kPieceColumns / 2; i += 2) {
      const auto pair = *reinterpret_cast<const std::uint32_t*>(
          from + swizzled(row + 4 * (i % 4), byte + 16 * (i / 4) + 4 * (lane % 4)));
      v[i] += cuda::bf16_low(pair);
      v[i + 1] += cuda::bf16_high(pair);
    }
  }

  /// Scales of `v`, whose first column is row `column` of B.
  static __device__ void scale(const Epilogue& e, const float (&of_row)[2], int column, int end,
                               int lane, Piece& v) {
#pragma unroll
    for (int j = 0; j < kPieceColumns / 8; ++j) {
      const int at = column + 8 * j + 2 * (lane % 4);
      float low = 1.0F, high = 1.0F;
      if (e.per_row && e.scale_b != nullptr && at < end) {
        low = __ldg(e.scale_b + at);
        high = __ldg(e.scale_b + at + 1);
      }
      v[4 * j] *= of_row[0] * low;
      v[4 * j + 1] *= of_row[0] * high;
      v[4 * j + 2] *= of_row[1] * low;
      v[4 * j + 3] *= of_row[1] * high;
    }
  }

  static __device__ void add_bias(const Epilogue& e, int column, int lane, Piece& v) {
#pragma unroll
    for (int j = 0; j < kPieceColumns / 8; ++j) {
      const int at = column + 8 * j + 2 * (lane % 4);
      if (at >= e.N) continue;
      const auto pair = __ldg(reinterpret_cast<const std::uint32_t*>(e.bias + at));
      const float low = cuda::bf16_low(pair), high = cuda::bf16_high(pair);
      v[4 * j] += low;
      v[4 * j + 1] += high;
      v[4 * j + 2] += low;
      v[4 * j + 3] += high;
    }
  }

  static __device__ void activate_all(Activation activation, Piece& v) {
    if (activation == Activation::kSilu) {
#pragma unroll
      for (float& x : v) x = silu(x);
    } else if (activation == Activation::kGelu) {
#pragma unroll
      for (float& x : v) x = gelu(x);
    }
  }

  /// The scales that hold for a whole row of this lane's.
  static __device__ void row_scales(const Epilogue& e, int row, int lane, float (&of_row)[2]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int at = min(row + lane / 4 + 8 * half, e.M - 1);
      const float a = e.scale_a != nullptr ? __ldg(e.scale_a + (e.per_row ? at : 0)) : 1.0F;
      const float b = e.scale_b != nullptr && !e.per_row ? __ldg(e.scale_b) : 1.0F;
      of_row[half] = a * b;
    }
  }

  /// The values of the piece that begins `offset` columns into the tile, but for the residual.
  template <int kOffset>
  static __device__ void values(const Epilogue& e, const float (&of_row)[2], bool scaled,
                                int column, int lane, const float (&d)[T::kTileN / 2], Piece& v) {
#pragma unroll
    for (int i = 0; i < kPieceColumns / 2; ++i) v[i] = d[kOffset / 2 + i];
    if (scaled) scale(e, of_row, column, T::kGated ? 2 * e.N : e.N, lane, v);
    if (!T::kGated && e.bias != nullptr) add_bias(e, column, lane, v);
    activate_all(e.activation, v);
    if constexpr (T::kGated) {
      Piece up;
#pragma unroll
      for (int i = 0; i < kPieceColumns / 2; ++i) up[i] = d[T::kTileN / 4 + kOffset / 2 + i];
      if (scaled) scale(e, of_row, e.N + column, 2 * e.N, lane, up);
#pragma unroll
      for (int i = 0; i < kPieceColumns / 2; ++i) v[i] *= up[i];
    }
  }

  /// One chunk: columns from `column`, kOffset columns into the tile.
  template <int kOffset, class Arguments>
  __device__ void store_chunk(const Arguments& arguments, const float (&of_row)[2], bool scaled,
                              float shrink, int row, int column, int lane,
                              const float (&d)[T::kTileN / 2]) {
    const Epilogue& e = arguments.epilogue;
    const bool residual = kResidual && e.residual;
    unsigned char* buffer = buffers[next];
    if (residual) {
      cuda::barrier_wait(&loaded[next], (parity >> next) & 1U);
      parity ^= 1U << next;
    } else if (lane == 0) {
      cuda::store_wait_read<1>();
    }
    __syncwarp();
    const auto piece = [&]<int kPiece>() {
      constexpr int kFirst = kPiece * kPieceColumns;
      Piece v;
      values<kOffset + kFirst>(e, of_row, scaled, column + kFirst, lane, d, v);
      if (residual) {
        add_residual(buffer, kFirst * kBytes, lane, v);
        __syncwarp();  // stmatrix writes where other lanes have just read
      }
      if constexpr (T::kOutput == Output::kE4M3) {
#pragma unroll
        for (float& x : v) x *= shrink;
      }
      write(buffer, kFirst * kBytes, lane, v);
    };
    [&]<int... kPieces>(std::integer_sequence<int, kPieces...>) {
      (piece.template operator()<kPieces>(), ...);
    }
    (std::make_integer_sequence<int, kColumns / kPieceColumns>());
    cuda::fence_async_shared();
    __syncwarp();
    if (lane == 0) {
      cuda::tma_store(arguments.c, buffer, column, row);
      cuda::store_commit();
      constexpr int kChunk = kOffset / kColumns;
      if (residual && kChunk >= 1 && kChunk + 1 < kCount) {
        cuda::store_wait_read<1>();
        load_residual(arguments, next ^ 1, row, column + kColumns);
      }
    }
    next ^= 1;
  }

  /// All of a tile's 16 rows from `row`, columns of C from `column`.
  template <class Arguments>
  __device__ void store(const Arguments& arguments, int row, int column, int lane,
                        const float (&d)[T::kTileN / 2]) {
    const Epilogue& e = arguments.epilogue;
    const bool scaled = e.scale_a != nullptr || e.scale_b != nullptr;
    float of_row[2] = {1.0F, 1.0F};
    if (scaled) row_scales(e, row, lane, of_row);
    const float shrink = e.output_scale != nullptr ? 1.0F / __ldg(e.output_scale) : 1.0F;
    [&]<int... kChunks>(std::integer_sequence<int, kChunks...>) {
      (store_chunk<kChunks * kColumns>(arguments, of_row, scaled, shrink, row,
                                       column + kChunks * kColumns, lane, d),
       ...);
    }
    (std::make_integer_sequence<int, kCount>());
  }
};

}  // namespace aisp::kernels::gemm_cuda
