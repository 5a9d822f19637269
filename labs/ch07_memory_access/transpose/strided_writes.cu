// The device baseline: a thread for each element, out[column][row] = in[row][column]. Reads are
// coalesced; the 32 lanes of a warp write to 32 rows of the output, 4 bytes of a sector each.
// Source: G. Ruetsch, P. Micikevicius, "Optimizing Matrix Transpose in CUDA": transposeNaive.
#include "labs/ch07_memory_access/transpose/shared_tiles.cuh"

namespace aisp::labs::ch07::transpose {
namespace {

__global__ void turn(const float* in, float* out, int rows, int cols) {
  const int column = static_cast<int>(blockIdx.x) * kSide + static_cast<int>(threadIdx.x);
  const int top = static_cast<int>(blockIdx.y) * kSide + static_cast<int>(threadIdx.y);
#pragma unroll
  for (int k = 0; k < kSide; k += kRowsAtOnce) {
    const int row = top + k;
    if (row < rows && column < cols) {
      out[std::int64_t{column} * rows + row] = in[std::int64_t{row} * cols + column];
    }
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_strided_writes(const bench::Params& params) {
  return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
    turn<<<tiles_of(shape), dim3(kSide, kRowsAtOnce), 0, io.stream()>>>(
        io.in<float>(0).data(), io.out<float>(0).data(), static_cast<int>(shape.rows),
        static_cast<int>(shape.cols));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::transpose
