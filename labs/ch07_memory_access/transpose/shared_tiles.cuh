// The transpose through a tile of 32 x 32 floats in shared memory: rows come in and rows go out,
// coalesced, and the turn happens between. Reading the tile by columns is where the banks meet; the
// techniques differ in where an element lies.
// Source: G. Ruetsch, P. Micikevicius, "Optimizing Matrix Transpose in CUDA", NVIDIA 2009.
#pragma once

#include "labs/ch07_memory_access/transpose/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::transpose {

inline constexpr int kSide = 32;
inline constexpr int kRowsAtOnce = 8;  // 256 threads; four loads in flight each, 32 KB on an SM

struct Plain {
  static constexpr int kFloats = kSide * kSide;
  __device__ static int at(int row, int column) { return row * kSide + column; }
};
struct Padded {
  static constexpr int kFloats = kSide * (kSide + 1);
  __device__ static int at(int row, int column) { return row * (kSide + 1) + column; }
};
struct Swizzled {
  static constexpr int kFloats = kSide * kSide;
  __device__ static int at(int row, int column) { return row * kSide + (column ^ row); }
};

/// A side of at most 2^31 - 1; block x walks along the columns, so that neighbours in time share
/// lines of the input.
template <class Layout>
__global__ void __launch_bounds__(kSide* kRowsAtOnce)
    turn_tiles(const float* in, float* out, int rows, int cols) {
  __shared__ float tile[Layout::kFloats];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int left = static_cast<int>(blockIdx.x) * kSide, top = static_cast<int>(blockIdx.y) * kSide;
  const int column = left + x;
#pragma unroll
  for (int k = 0; k < kSide; k += kRowsAtOnce) {
    const int row = top + y + k;
    if (row < rows && column < cols) {
      tile[Layout::at(y + k, x)] = in[std::int64_t{row} * cols + column];
    }
  }
  __syncthreads();
  const int out_column = top + x;
#pragma unroll
  for (int k = 0; k < kSide; k += kRowsAtOnce) {
    const int out_row = left + y + k;
    if (out_row < cols && out_column < rows) {
      out[std::int64_t{out_row} * rows + out_column] = tile[Layout::at(x, y + k)];
    }
  }
}

/// The grid over a matrix by tiles. The second extent of a grid ends at 65535.
inline dim3 tiles_of(const Shape& shape) {
  return dim3(static_cast<unsigned>((shape.cols + kSide - 1) / kSide),
              static_cast<unsigned>((shape.rows + kSide - 1) / kSide));
}

template <class Layout>
std::unique_ptr<bench::Plan> plan_shared_tiles(const bench::Params& params) {
  return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
    turn_tiles<Layout><<<tiles_of(shape), dim3(kSide, kRowsAtOnce), 0, io.stream()>>>(
        io.in<float>(0).data(), io.out<float>(0).data(), static_cast<int>(shape.rows),
        static_cast<int>(shape.cols));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::transpose
