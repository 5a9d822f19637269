// No shared memory at all: a thread for each column keeps its sum in a register, and neighbours
// read neighbours. Eight rows in flight each. The layout was never the problem, the staging was.
#include "labs/ch06_cuda_fundamentals/bank_conflicts/column_tiles.cuh"

namespace aisp::labs::ch06::bank_conflicts {
namespace {

constexpr unsigned kThreads = 128;
constexpr int kInFlight = 8;  // 8 x 4 bytes x 2048 threads: 64 KB on the way to a multiprocessor

__global__ void sum_columns(const float* in, float* partial, Shape shape) {
  const std::int64_t column = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (column >= shape.cols) return;
  std::int64_t row = std::int64_t{blockIdx.y} * kRowsEach;
  const std::int64_t last_row = min(row + kRowsEach, shape.rows);
  float sum[kInFlight] = {};
  for (; row + kInFlight <= last_row; row += kInFlight) {
#pragma unroll
    for (int k = 0; k < kInFlight; ++k) sum[k] += in[(row + k) * shape.cols + column];
  }
  for (; row < last_row; ++row) sum[0] += in[row * shape.cols + column];
#pragma unroll
  for (int k = 1; k < kInFlight; ++k) sum[0] += sum[k];
  partial[blockIdx.y * shape.cols + column] = sum[0];
}

}  // namespace

std::unique_ptr<bench::Plan> plan_thread_per_column(const bench::Params& params) {
  return plan_parts(params, [](const float* in, float* partial, Shape shape, cudaStream_t stream) {
    const dim3 blocks(static_cast<unsigned>((shape.cols + kThreads - 1) / kThreads),
                      static_cast<unsigned>(parts(shape)));
    sum_columns<<<blocks, kThreads, 0, stream>>>(in, partial, shape);
  });
}

}  // namespace aisp::labs::ch06::bank_conflicts
