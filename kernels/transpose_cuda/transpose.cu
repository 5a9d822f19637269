// The kernels of transpose.h.
//
// Source: see transpose.h.
#include "kernels/cuda/vector.cuh"
#include "kernels/transpose_cuda/run.h"
#include "machine/cuda_raii.h"

namespace aisp::kernels::transpose_cuda {
namespace {

using namespace cuda;

// A block's tile, in squares: it reads and writes 16 packs of each row, 256 bytes. Without the
// exchange in shared memory a warp writes 64 bytes of a row, and memory gives 1.8 TB/s on one H200;
// with it 4.00 (16 bits, 8192 x 28672), with rows of 128 bytes 3.53, and 3.75 where the stores do
// not ask to leave the caches first. Tiles of twice the width or height, another order of the tiles
// and fewer blocks at once change less than 1 %: a copy that writes each tile where its mirror
// image lies has the same 0.94 of a copy.
constexpr int kTileCols = 16, kTileRows = 16, kThreads = 256;

/// The square kCount x kCount whose rows are the packs: row j of the result.
template <class T, int kCount>
__device__ Pack<T, kCount> turned_row(const Pack<T, kCount> (&rows)[kCount], int j) {
  Pack<T, kCount> out;
  if constexpr (sizeof(T) == 4) {
#pragma unroll
    for (int k = 0; k < kCount; ++k) out.word[k] = rows[k].word[j];
  } else {
#pragma unroll
    for (int k = 0; k < kCount / 2; ++k) {
      // The low or the high halves of two words, of two rows that follow each other.
      out.word[k] = __byte_perm(rows[2 * k].word[j / 2], rows[2 * k + 1].word[j / 2],
                                j % 2 == 0 ? 0x5410 : 0x7632);
    }
  }
  return out;
}

template <class T>
__global__ void __launch_bounds__(kThreads) turn_squares(const Request r) {
  constexpr int kCount = kLanes<T>;
  extern __shared__ uint4 tile[];  // [column of the tile][pack of rows], 16 bytes each
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.y) * kTileRows * kCount;
  const std::int64_t first_col = static_cast<std::int64_t>(blockIdx.x) * kTileCols * kCount;
  const T* in = static_cast<const T*>(r.in);
#pragma unroll
  for (int square = threadIdx.x; square < kTileCols * kTileRows; square += kThreads) {
    const int square_row = square / kTileCols, square_col = square % kTileCols;
    const std::int64_t row = first_row + square_row * kCount;
    const std::int64_t col = first_col + square_col * kCount;
    if (row >= r.rows || col >= r.cols) continue;
    Pack<T, kCount> packs[kCount];
#pragma unroll
    for (int k = 0; k < kCount; ++k) {
      packs[k] = load_pack<T, kCount>(in + (row + k) * r.in_stride + col);
    }
    // Eight lanes that store together have the same pack and columns kCount apart: by the exclusive
    // or they lie in all banks.
    const int place = square_row ^ (square_col % 8);
#pragma unroll
    for (int j = 0; j < kCount; ++j) {
      store_pack(reinterpret_cast<T*>(&tile[(square_col * kCount + j) * kTileRows + place]),
                 turned_row(packs, j));
    }
  }
  __syncthreads();
  T* out = static_cast<T*>(r.out);
#pragma unroll
  for (int i = threadIdx.x; i < kTileCols * kCount * kTileRows; i += kThreads) {
    const int tile_col = i / kTileRows, pack = i % kTileRows;
    const std::int64_t row = first_row + pack * kCount, col = first_col + tile_col;
    if (row >= r.rows || col >= r.cols) continue;
    const int place = pack ^ (tile_col / kCount % 8);
    __stcs(reinterpret_cast<uint4*>(out + col * r.out_stride + row),
           tile[tile_col * kTileRows + place]);
  }
}

constexpr int kEdge = 32, kEdgeRows = 8;

template <class T>
__global__ void __launch_bounds__(kEdge* kEdgeRows) turn_tile(const Request r) {
  __shared__ T tile[kEdge][kEdge + 1];  // a column of it lies in 32 banks
  const T* in = static_cast<const T*>(r.in);
  T* out = static_cast<T*>(r.out);
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.y) * kEdge;
  const std::int64_t first_col = static_cast<std::int64_t>(blockIdx.x) * kEdge;
  const std::int64_t col = first_col + threadIdx.x, out_col = first_row + threadIdx.x;
#pragma unroll
  for (int i = threadIdx.y; i < kEdge; i += kEdgeRows) {
    const std::int64_t row = first_row + i;
    if (row < r.rows && col < r.cols) tile[i][threadIdx.x] = in[row * r.in_stride + col];
  }
  __syncthreads();
#pragma unroll
  for (int i = threadIdx.y; i < kEdge; i += kEdgeRows) {
    const std::int64_t out_row = first_col + i;
    if (out_row < r.cols && out_col < r.rows) {
      out[out_row * r.out_stride + out_col] = tile[threadIdx.x][i];
    }
  }
}

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// A grid has at most 65535 blocks in y: longer matrices are turned in parts.
template <class Launch>
void in_parts(Request r, std::int64_t rows_a_block, Launch launch) {
  const std::int64_t most = 65535 * rows_a_block, rows = r.rows;
  for (std::int64_t first = 0; first < rows; first += most) {
    Request part = r;
    part.rows = rows - first < most ? rows - first : most;
    part.in = static_cast<const char*>(r.in) + first * r.in_stride * r.element_bytes;
    part.out = static_cast<char*>(r.out) + first * r.element_bytes;
    launch(part, static_cast<unsigned>(ceil_div(part.rows, rows_a_block)));
    AISP_CUDA(cudaGetLastError());
  }
}

template <class T>
void squares(const Request& r) {
  constexpr int kCount = kLanes<T>, kBytes = kTileCols * kTileRows * kCount * 16;
  AISP_CUDA(
      cudaFuncSetAttribute(turn_squares<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes));
  // 132 of 228 KiB: four blocks of 16-bit elements. All 228 leave 28 KiB to L1, where loads land:
  // 3.91 instead of 3.98 TB/s (16 bits), 3.96 instead of 3.99 (32 bits).
  AISP_CUDA(
      cudaFuncSetAttribute(turn_squares<T>, cudaFuncAttributePreferredSharedMemoryCarveout, 58));
  const auto cols = static_cast<unsigned>(ceil_div(r.cols, kTileCols * kCount));
  in_parts(r, kTileRows * kCount, [&](const Request& part, unsigned rows) {
    turn_squares<T><<<dim3(cols, rows), kThreads, kBytes, r.stream>>>(part);
  });
}

template <class T>
void tiles(const Request& r) {
  const auto cols = static_cast<unsigned>(ceil_div(r.cols, kEdge));
  in_parts(r, kEdge, [&](const Request& part, unsigned rows) {
    turn_tile<T><<<dim3(cols, rows), dim3(kEdge, kEdgeRows), 0, r.stream>>>(part);
  });
}

}  // namespace

void run_registers(const Request& r) {
  r.element_bytes == 2 ? squares<std::uint16_t>(r) : squares<std::uint32_t>(r);
}
void run_tile(const Request& r) {
  r.element_bytes == 2 ? tiles<std::uint16_t>(r) : tiles<std::uint32_t>(r);
}

}  // namespace aisp::kernels::transpose_cuda
