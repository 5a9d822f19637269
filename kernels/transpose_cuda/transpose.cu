// The kernels of transpose.h.
//
// Source: see transpose.h.
#include "kernels/cuda/vector.cuh"
#include "kernels/transpose_cuda/run.h"
#include "machine/cuda_raii.h"

namespace aisp::kernels::transpose_cuda {
namespace {

using namespace cuda;

// Squares of a warp and of a block, in squares. A warp reads 8 packs of each row, a whole line of
// 128 bytes, and writes 4 packs of each row; its neighbours in the block write the packs beside
// them.
constexpr int kWarpCols = 8, kWarpRows = 4, kBlockWarps = 4;

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
__global__ void __launch_bounds__(32 * kBlockWarps) turn_squares(const Request r) {
  constexpr int kCount = kLanes<T>;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const std::int64_t row =
      ((static_cast<std::int64_t>(blockIdx.y) * kBlockWarps + warp) * kWarpRows +
       lane / kWarpCols) *
      kCount;
  const std::int64_t col =
      (static_cast<std::int64_t>(blockIdx.x) * kWarpCols + lane % kWarpCols) * kCount;
  if (row >= r.rows || col >= r.cols) return;
  const T* in = static_cast<const T*>(r.in) + row * r.in_stride + col;
  T* out = static_cast<T*>(r.out) + col * r.out_stride + row;
  Pack<T, kCount> packs[kCount];
#pragma unroll
  for (int k = 0; k < kCount; ++k) packs[k] = load_pack<T, kCount>(in + k * r.in_stride);
#pragma unroll
  for (int j = 0; j < kCount; ++j) store_pack(out + j * r.out_stride, turned_row(packs, j));
}

constexpr int kTile = 32, kTileRows = 8;

template <class T>
__global__ void __launch_bounds__(kTile* kTileRows) turn_tile(const Request r) {
  __shared__ T tile[kTile][kTile + 1];  // a column of it lies in 32 banks
  const T* in = static_cast<const T*>(r.in);
  T* out = static_cast<T*>(r.out);
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.y) * kTile;
  const std::int64_t first_col = static_cast<std::int64_t>(blockIdx.x) * kTile;
  const std::int64_t col = first_col + threadIdx.x, out_col = first_row + threadIdx.x;
#pragma unroll
  for (int i = threadIdx.y; i < kTile; i += kTileRows) {
    const std::int64_t row = first_row + i;
    if (row < r.rows && col < r.cols) tile[i][threadIdx.x] = in[row * r.in_stride + col];
  }
  __syncthreads();
#pragma unroll
  for (int i = threadIdx.y; i < kTile; i += kTileRows) {
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
  constexpr int kCount = kLanes<T>;
  const auto cols = static_cast<unsigned>(ceil_div(r.cols, kWarpCols * kCount));
  in_parts(r, kBlockWarps * kWarpRows * kCount, [&](const Request& part, unsigned rows) {
    turn_squares<T><<<dim3(cols, rows), 32 * kBlockWarps, 0, r.stream>>>(part);
  });
}

template <class T>
void tiles(const Request& r) {
  const auto cols = static_cast<unsigned>(ceil_div(r.cols, kTile));
  in_parts(r, kTile, [&](const Request& part, unsigned rows) {
    turn_tile<T><<<dim3(cols, rows), dim3(kTile, kTileRows), 0, r.stream>>>(part);
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
