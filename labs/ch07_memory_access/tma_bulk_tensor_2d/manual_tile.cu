// The device baseline: the threads of a block copy a tile into shared memory, wait for each other,
// and copy it out: the way into shared memory before there was a copy engine, each thread with the
// addresses and the bounds of its own elements.
#include "labs/ch07_memory_access/tma_bulk_tensor_2d/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::tma_bulk_tensor_2d {
namespace {

constexpr int kCols = 64, kRows = 64, kThreads = 256;  // a tile of 16 KB, 16 floats a thread

__global__ void __launch_bounds__(kThreads) copy(Slice slice) {
  __shared__ float tile[kRows][kCols];
  const std::int64_t left = std::int64_t{blockIdx.x} * kCols,
                     top = std::int64_t{blockIdx.y} * kRows;
#pragma unroll
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kCols; i += kThreads) {
    const std::int64_t row = top + i / kCols, column = left + i % kCols;
    if (row < slice.rows && column < slice.cols) {
      tile[i / kCols][i % kCols] = slice.in[row * slice.stride + column];
    }
  }
  __syncthreads();
#pragma unroll
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kCols; i += kThreads) {
    const std::int64_t row = top + i / kCols, column = left + i % kCols;
    if (row < slice.rows && column < slice.cols) {
      slice.out[row * slice.cols + column] = tile[i / kCols][i % kCols];
    }
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_manual_tile(const bench::Params& params) {
  return bench::plan_of([params](const bench::Io& io) {
    const Slice slice = slice_of(io, params);
    const dim3 blocks(static_cast<unsigned>((slice.cols + kCols - 1) / kCols),
                      static_cast<unsigned>((slice.rows + kRows - 1) / kRows));
    copy<<<blocks, kThreads, 0, io.stream()>>>(slice);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::tma_bulk_tensor_2d
