// A tile of 64 x 64 with accesses of 16 bytes on both sides: a quarter of the instructions to
// global memory, four of them in flight each way. An element (row, column) lies at (row, column ^
// (row / 4 * 4 % 32)): whole float4 rows are written, and lanes that read four rows of one column
// meet in two turns at most. Where a side is no multiple of four, single floats.
#include "labs/ch07_memory_access/transpose/shared_tiles.cuh"

namespace aisp::labs::ch07::transpose {
namespace {

constexpr int kWide = 64;
constexpr int kThreads = 256;
constexpr int kVectors = kWide / 4;           // of a row of the tile
constexpr int kAtOnce = kThreads / kVectors;  // rows that the block moves in one step

// Four floats stay neighbours (the exclusive or changes multiples of four); rows 4 apart start in
// other banks.
__device__ int place(int row, int column) { return row * kWide + (column ^ (row / 4 % 8 * 4)); }

__global__ void __launch_bounds__(kThreads) turn(const float* in, float* out, int rows, int cols) {
  __shared__ __align__(16) float tile[kWide * kWide];
  const int vector = static_cast<int>(threadIdx.x) % kVectors * 4;
  const int line = static_cast<int>(threadIdx.x) / kVectors;
  const int left = static_cast<int>(blockIdx.x) * kWide, top = static_cast<int>(blockIdx.y) * kWide;
#pragma unroll
  for (int k = 0; k < kWide; k += kAtOnce) {
    const int row = top + line + k, column = left + vector;
    if (row < rows && column < cols) {
      *reinterpret_cast<float4*>(&tile[place(line + k, vector)]) =
          *reinterpret_cast<const float4*>(&in[std::int64_t{row} * cols + column]);
    }
  }
  __syncthreads();
#pragma unroll
  for (int k = 0; k < kWide; k += kAtOnce) {
    const int row = left + line + k, column = top + vector;  // of the output
    if (row < cols && column < rows) {
      const float4 turned = {tile[place(vector, line + k)], tile[place(vector + 1, line + k)],
                             tile[place(vector + 2, line + k)], tile[place(vector + 3, line + k)]};
      *reinterpret_cast<float4*>(&out[std::int64_t{row} * rows + column]) = turned;
    }
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_float4_tiles(const bench::Params& params) {
  const Shape shape = shape_of(params);
  if (shape.rows % 4 != 0 || shape.cols % 4 != 0) return plan_shared_tiles<Padded>(params);
  return bench::plan_of([shape](const bench::Io& io) {
    const dim3 blocks(static_cast<unsigned>((shape.cols + kWide - 1) / kWide),
                      static_cast<unsigned>((shape.rows + kWide - 1) / kWide));
    turn<<<blocks, kThreads, 0, io.stream()>>>(io.in<float>(0).data(), io.out<float>(0).data(),
                                               static_cast<int>(shape.rows),
                                               static_cast<int>(shape.cols));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::transpose
