// Column sums by warps: a block copies a tile of 32 x 32 into shared memory with coalesced loads,
// then each warp reads columns of it, a lane for each row, and keeps its sums in registers; at the
// end the lanes' sums are added. The techniques differ in where a tile's element lies, and so in
// which of the 32 banks (4 bytes each) the lanes of a warp meet.
//
// The rows are split between blocks so that all multiprocessors work; each block leaves its sums in
// scratch, and a second kernel adds them in order, so that a result is the same in every call.
// Source: PyTorch, aten/src/ATen/native/cuda/layer_norm_kernel.cu, GammaBetaBackwardCUDAKernel.
#pragma once

#include "labs/ch06_cuda_fundamentals/bank_conflicts/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch06::bank_conflicts {

inline constexpr int kTile = 32;
inline constexpr int kWarps = 8;  // each copies 4 rows of a tile and owns 4 columns of it

/// Rows of one block. At 16384 x 4096: 32 parts of 128 column tiles are 4096 blocks, and the
/// scratch of 32 x 4096 floats is 0.2 % of what is read.
inline constexpr std::int64_t kRowsEach = 512;

inline std::int64_t parts(const Shape& shape) { return (shape.rows + kRowsEach - 1) / kRowsEach; }

/// Row-major: a column lies in one bank, and a warp that reads it takes 32 turns.
struct Plain {
  static constexpr int kFloats = kTile * kTile;
  __device__ static int at(int row, int column) { return row * kTile + column; }
};
/// Rows of 33 floats: a column walks through all banks. 3 % more shared memory.
struct Padded {
  static constexpr int kFloats = kTile * (kTile + 1);
  __device__ static int at(int row, int column) { return row * (kTile + 1) + column; }
};
/// Row r keeps its column c in place c ^ r: rows and columns both meet all banks, nothing is added.
struct Swizzled {
  static constexpr int kFloats = kTile * kTile;
  __device__ static int at(int row, int column) { return row * kTile + (column ^ row); }
};

/// Block (x, y): columns [32 x, 32 x + 32), rows [512 y, 512 y + 512). partial: [parts][cols].
template <class Layout>
__global__ void __launch_bounds__(kTile* kWarps, 2048 / (kTile * kWarps))
    sum_tiles(const float* in, float* partial, Shape shape) {
  constexpr int kEach = kTile / kWarps;
  __shared__ float tile[Layout::kFloats];
  const int lane = static_cast<int>(threadIdx.x), warp = static_cast<int>(threadIdx.y);
  const std::int64_t first_column = std::int64_t{blockIdx.x} * kTile;
  const std::int64_t first_row = std::int64_t{blockIdx.y} * kRowsEach;
  const std::int64_t last_row = min(first_row + kRowsEach, shape.rows);
  float sum[kEach] = {};
  for (std::int64_t top = first_row; top < last_row; top += kTile) {
#pragma unroll
    for (int k = 0; k < kEach; ++k) {
      const std::int64_t row = top + warp + k * kWarps, column = first_column + lane;
      const bool inside = row < last_row && column < shape.cols;
      tile[Layout::at(warp + k * kWarps, lane)] = inside ? in[row * shape.cols + column] : 0.0F;
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kEach; ++k) sum[k] += tile[Layout::at(lane, warp + k * kWarps)];
    __syncthreads();
  }
#pragma unroll
  for (int k = 0; k < kEach; ++k) {
    for (int step = 16; step > 0; step /= 2) sum[k] += __shfl_xor_sync(~0U, sum[k], step);
    const std::int64_t column = first_column + warp + k * kWarps;
    if (lane == 0 && column < shape.cols) partial[blockIdx.y * shape.cols + column] = sum[k];
  }
}

/// out[column] = sum over parts, in order.
static __global__ void add_parts(const float* partial, float* out, Shape shape,
                                 std::int64_t parts) {
  const std::int64_t column = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (column >= shape.cols) return;
  float sum = 0.0F;
  for (std::int64_t part = 0; part < parts; ++part) sum += partial[part * shape.cols + column];
  out[column] = sum;
}

/// enqueue(in, partial, shape, parts, stream), then the parts are added.
template <class Enqueue>
std::unique_ptr<bench::Plan> plan_parts(const bench::Params& params, Enqueue enqueue) {
  const Shape shape = shape_of(params);
  const auto scratch = std::make_shared<machine::DeviceBuffer>(
      static_cast<std::size_t>(parts(shape) * shape.cols) * sizeof(float));
  return bench::plan_of([shape, scratch, enqueue](const bench::Io& io) {
    enqueue(io.in<float>(0).data(), scratch->as<float>(), shape, io.stream());
    add_parts<<<static_cast<unsigned>((shape.cols + 63) / 64), 64, 0, io.stream()>>>(
        scratch->as<float>(), io.out<float>(0).data(), shape, parts(shape));
    AISP_CUDA(cudaGetLastError());
  });
}

template <class Layout>
std::unique_ptr<bench::Plan> plan_tiles(const bench::Params& params) {
  return plan_parts(params, [](const float* in, float* partial, Shape shape, cudaStream_t stream) {
    const dim3 blocks(static_cast<unsigned>((shape.cols + kTile - 1) / kTile),
                      static_cast<unsigned>(parts(shape)));
    sum_tiles<Layout><<<blocks, dim3(kTile, kWarps), 0, stream>>>(in, partial, shape);
  });
}

}  // namespace aisp::labs::ch06::bank_conflicts
