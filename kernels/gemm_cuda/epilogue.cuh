// From the sums of a tile to C: what follows the product, in registers, then 16 rows x 128 bytes at
// a time through shared memory (in the copy engine's swizzle: no bank conflicts), stored by it. A
// warp does this alone, with two buffers; the residual comes the same way into the same buffers,
// its first two chunks before the main loop. (Stores by the lanes themselves, out of the same
// buffers, were slower: bf16 at 0.93-0.99 of cuBLASLt instead of 0.96-1.01, e4m3 4096 cubed at 0.92
// instead of 0.95.)
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

/// One warp's way out: 16 rows of each tile.
template <class T>
class Stores {
 public:
  static constexpr int kBytes = output_bytes<T::kOutput>();
  static constexpr int kColumns = kChunkRowBytes / kBytes;  // of a chunk
  static constexpr int kCount = T::kColumns / kColumns;     // chunks of a tile
  // Columns whose values are in flight at a time: 16 registers beside the sums.
  static constexpr int kPieceColumns = 32;
  static constexpr bool kResidual = T::kOutput == Output::kBF16;
  static_assert(!kResidual || kCount % 2 == 0, "a tile begins with the first buffer");
  using Sums = float[T::kTileN / 2];

  __device__ Stores(const CUtensorMap& c, const CUtensorMap& residual, const Epilogue& epilogue,
                    unsigned char (*buffers)[kChunkBytes], cuda::Barrier* loaded, int lane)
      : c_(c),
        residual_(residual),
        epilogue_(epilogue),
        buffers_(buffers),
        loaded_(loaded),
        lane_(lane),
        scaled_(epilogue.scale_a != nullptr || epilogue.scale_b != nullptr),
        column_scales_(epilogue.per_row ? epilogue.scale_b : nullptr),
        shrink_(epilogue.output_scale != nullptr ? 1.0F / __ldg(epilogue.output_scale) : 1.0F) {}

  /// Before the main loop of the tile whose rows begin at `row`, columns of C at `column`.
  __device__ void begin(int row, int column) {
    row_ = row;
    column_ = column;
    if (!T::kGated && epilogue_.bias != nullptr) touch(epilogue_.bias);
    if (column_scales_ != nullptr) touch(column_scales_);
    if (scaled_) find_row_scales();
    if (kResidual && epilogue_.residual && lane_ == 0) {
      cuda::store_wait_read<0>();
      load_residual(0, 0);
      load_residual(1, kColumns);
    }
  }
  /// After it. What follows the product is asked here and not for each piece: the branches of the
  /// one code for all took 3 to 5 % of a product with K = 4096 (one H200, CUDA 13.0).
  __device__ void store(const Sums& d) {
    constexpr auto kChunks = std::make_integer_sequence<int, kCount>();
    const bool plain = !T::kGated && epilogue_.bias == nullptr && column_scales_ == nullptr &&
                       epilogue_.activation == Activation::kNone;
    if (kResidual && epilogue_.residual) {
      if constexpr (kResidual) chunks<Path::kWithResidual>(d, kChunks);
    } else if (!plain) {
      chunks<Path::kWithoutResidual>(d, kChunks);
    } else {
      if constexpr (!T::kGated) chunks<Path::kScaleOnly>(d, kChunks);
    }
  }
  /// Before the block ends: the copy engine has read the buffers.
  __device__ void end() const {
    if (lane_ == 0) cuda::store_wait_read<0>();
  }

 private:
  enum class Path { kScaleOnly, kWithoutResidual, kWithResidual };

  /// v[4 j + {0, 1}]: columns 8 j + 2 (lane % 4) + {0, 1} of row lane / 4; v[4 j + {2, 3}]: of row
  /// lane / 4 + 8.
  using Piece = float[kPieceColumns / 2];

  /// Brings what belongs to this tile's columns into the first-level cache, which nothing else
  /// uses: add_bias() and scale() would wait for L2 once a piece.
  template <class Value>
  __device__ void touch(const Value* of_columns) const {
    constexpr int kLine = 128 / sizeof(Value);
    const int at = column_ + lane_ * kLine;
    if (lane_ < T::kColumns / kLine && at < epilogue_.N) {
      std::uint32_t ignored;
      asm volatile("ld.global.nc.u16 %0, [%1];" : "=r"(ignored) : "l"(of_columns + at));
    }
  }

  __device__ void load_residual(int buffer, int offset) {
    cuda::barrier_arrive_expect(&loaded_[buffer], kChunkBytes);
    cuda::tma_load(buffers_[buffer], residual_, &loaded_[buffer], column_ + offset, row_);
  }

  /// To `byte` of the buffer's rows.
  __device__ void write(unsigned char* to, int byte, const Piece& v) const {
    if constexpr (T::kOutput == Output::kBF16) {
      const int row = lane_ % 16, half = lane_ / 16;
      const std::uint32_t base = cuda::shared_address(to) + row * kChunkRowBytes;
#pragma unroll
      for (int j = 0; j < kPieceColumns / 8; j += 2) {
        cuda::store_matrix_x4(base + (((byte / 16 + j + half) ^ (row & 7)) << 4),
                              cuda::pack_bf16(v[4 * j], v[4 * j + 1]),
                              cuda::pack_bf16(v[4 * j + 2], v[4 * j + 3]),
                              cuda::pack_bf16(v[4 * j + 4], v[4 * j + 5]),
                              cuda::pack_bf16(v[4 * j + 6], v[4 * j + 7]));
      }
    } else {
#pragma unroll
      for (int i = 0; i < kPieceColumns / 2; i += 2) {
        unsigned char* at =
            to + swizzled(lane_ / 4 + 4 * (i % 4), byte + kBytes * (8 * (i / 4) + 2 * (lane_ % 4)));
        if constexpr (T::kOutput == Output::kF32) {
          *reinterpret_cast<float2*>(at) = make_float2(v[i], v[i + 1]);
        } else {
          *reinterpret_cast<std::uint16_t*>(at) =
              cuda::pack_e4m3(v[i] * shrink_, v[i + 1] * shrink_);
        }
      }
    }
  }

  __device__ void add_residual(const unsigned char* from, int byte, Piece& v) const {
#pragma unroll
    for (int i = 0; i < kPieceColumns / 2; i += 2) {
      const auto pair = *reinterpret_cast<const std::uint32_t*>(
          from + swizzled(lane_ / 4 + 4 * (i % 4), byte + 16 * (i / 4) + 4 * (lane_ % 4)));
      v[i] += cuda::bf16_low(pair);
      v[i + 1] += cuda::bf16_high(pair);
    }
  }

  __device__ void find_row_scales() {
    const Epilogue& e = epilogue_;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int at = min(row_ + lane_ / 4 + 8 * half, e.M - 1);
      const float a = e.scale_a != nullptr ? __ldg(e.scale_a + (e.per_row ? at : 0)) : 1.0F;
      const float b = e.scale_b != nullptr && !e.per_row ? __ldg(e.scale_b) : 1.0F;
      row_scale_[half] = a * b;
    }
  }

  /// The column of this lane's values 4 i to 4 i + 3 of the piece that begins at `column`; the last
  /// ones stand in for those beyond `end`, which the copy engine does not write.
  __device__ int column_of(int column, int i, int end) const {
    return min(column + 8 * i + 2 * (lane_ % 4), end - 2);
  }

  /// What belongs to the columns of a piece: all of it on its way before any is used.
  struct Columns {
    float2 scales[kPieceColumns / 8];
    std::uint32_t bias[kPieceColumns / 8];
  };
  __device__ void load_columns(int column, int end, Columns& to) const {
    if (column_scales_ != nullptr) {
#pragma unroll
      for (int i = 0; i < kPieceColumns / 8; ++i) {
        const float* at = column_scales_ + column_of(column, i, end);
        to.scales[i] = __ldg(reinterpret_cast<const float2*>(at));
      }
    }
    if (!T::kGated && epilogue_.bias != nullptr) {
#pragma unroll
      for (int i = 0; i < kPieceColumns / 8; ++i) {
        const bf16* at = epilogue_.bias + column_of(column, i, end);
        to.bias[i] = __ldg(reinterpret_cast<const std::uint32_t*>(at));
      }
    }
  }

  /// v times the scales of its rows and, where B has them, of its columns.
  __device__ void scale(const Columns& columns, Piece& v) const {
#pragma unroll
    for (int i = 0; i < kPieceColumns / 2; ++i) v[i] *= row_scale_[i / 2 % 2];
    if (column_scales_ == nullptr) return;
#pragma unroll
    for (int i = 0; i < kPieceColumns / 2; i += 2) {
      v[i] *= columns.scales[i / 4].x;
      v[i + 1] *= columns.scales[i / 4].y;
    }
  }

  __device__ void add_bias(const Columns& columns, Piece& v) const {
#pragma unroll
    for (int i = 0; i < kPieceColumns / 2; i += 2) {
      v[i] += cuda::bf16_low(columns.bias[i / 4]);
      v[i + 1] += cuda::bf16_high(columns.bias[i / 4]);
    }
  }

  __device__ void activate_all(Piece& v) const {
    if (epilogue_.activation == Activation::kSilu) {
#pragma unroll
      for (float& x : v) x = silu(x);
    } else if (epilogue_.activation == Activation::kGelu) {
#pragma unroll
      for (float& x : v) x = gelu(x);
    }
  }

  /// The piece that begins kOffset columns into the tile, all but its residual. While it is made,
  /// what belongs to the next one's columns is on its way.
  template <Path kPath, int kOffset>
  __device__ void values(const Sums& d, Piece& v) {
    constexpr int kHere = kOffset / kPieceColumns % 2;
#pragma unroll
    for (int i = 0; i < kPieceColumns / 2; ++i) v[i] = d[kOffset / 2 + i];
    if constexpr (kPath == Path::kScaleOnly) {
#pragma unroll
      for (int i = 0; i < kPieceColumns / 2; ++i) v[i] *= row_scale_[i / 2 % 2];
      return;
    }
    const int column = column_ + kOffset, N = epilogue_.N, end = T::kGated ? 2 * N : N;
    if constexpr (kOffset == 0) load_columns(column, end, columns_[0]);
    if constexpr (kOffset + kPieceColumns < T::kColumns) {
      load_columns(column + kPieceColumns, end, columns_[1 - kHere]);
    }
    if (scaled_) scale(columns_[kHere], v);
    if (!T::kGated && epilogue_.bias != nullptr) add_bias(columns_[kHere], v);
    activate_all(v);
    if constexpr (T::kGated) {
      Piece up;
      Columns of_up;
      load_columns(N + column, end, of_up);
#pragma unroll
      for (int i = 0; i < kPieceColumns / 2; ++i) up[i] = d[T::kTileN / 4 + kOffset / 2 + i];
      if (scaled_) scale(of_up, up);
#pragma unroll
      for (int i = 0; i < kPieceColumns / 2; ++i) v[i] *= up[i];
    }
  }

  template <Path kPath, int kOffset, int kByte>
  __device__ void piece(unsigned char* buffer, const Sums& d) {
    Piece v;
    values<kPath, kOffset>(d, v);
    if constexpr (kPath == Path::kWithResidual) {
      add_residual(buffer, kByte, v);
      __syncwarp();  // stmatrix writes where other lanes have just read
    }
    write(buffer, kByte, v);
  }

  template <Path kPath, int kOffset, int... kPieces>
  __device__ void pieces(unsigned char* buffer, const Sums& d,
                         std::integer_sequence<int, kPieces...>) {
    (piece<kPath, kOffset + kPieces * kPieceColumns, kPieces * kPieceColumns * kBytes>(buffer, d),
     ...);
  }

  template <Path kPath, int kChunk>
  __device__ void chunk(const Sums& d) {
    constexpr int kOffset = kChunk * kColumns;
    constexpr bool kLoads = kPath == Path::kWithResidual;
    unsigned char* buffer = buffers_[next_];
    if (kLoads) {
      cuda::barrier_wait(&loaded_[next_], (parity_ >> next_) & 1U);
      parity_ ^= 1U << next_;
    } else if (lane_ == 0) {
      cuda::store_wait_read<1>();
    }
    __syncwarp();
    pieces<kPath, kOffset>(buffer, d, std::make_integer_sequence<int, kColumns / kPieceColumns>());
    cuda::fence_async_shared();
    __syncwarp();
    if (lane_ == 0) {
      cuda::tma_store(c_, buffer, column_ + kOffset, row_);
      cuda::store_commit();
      if (kLoads && kChunk >= 1 && kChunk + 1 < kCount) {
        cuda::store_wait_read<1>();
        load_residual(next_ ^ 1, kOffset + kColumns);
      }
    }
    next_ ^= 1;
  }

  template <Path kPath, int... kChunks>
  __device__ void chunks(const Sums& d, std::integer_sequence<int, kChunks...>) {
    (chunk<kPath, kChunks>(d), ...);
  }

  const CUtensorMap &c_, &residual_;
  const Epilogue& epilogue_;
  unsigned char (*buffers_)[kChunkBytes];
  cuda::Barrier* loaded_;  // one for each buffer
  int lane_;
  bool scaled_;
  const float* column_scales_;  // where each has its own
  float shrink_;
  float row_scale_[2] = {1.0F, 1.0F};
  Columns columns_[2];
  int row_ = 0, column_ = 0;
  int next_ = 0;              // buffer
  std::uint32_t parity_ = 0;  // of loaded_, a bit for each buffer
};

}  // namespace aisp::kernels::gemm_cuda
