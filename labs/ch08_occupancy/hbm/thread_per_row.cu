// A thread for each row. Stored by columns, the 32 lanes of a warp read 32 neighbours: one line.
// Stored by rows, they read 32 lines, a row apart.
#include "labs/ch08_occupancy/hbm/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch08::hbm {
namespace {

constexpr int kThreads = 256;

__global__ void sum_rows(const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
                         std::int64_t n, std::int64_t row_stride, std::int64_t column_stride) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (row >= rows) return;
  float sum = 0.0f;
  for (std::int64_t k = 0; k < n; ++k) sum += x[row * row_stride + k * column_stride];
  y[row] = sum;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_thread_per_row(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"];
  const bool by_columns = params["by_columns"] != 0;
  return bench::plan_of([=](const bench::Io& io) {
    sum_rows<<<static_cast<unsigned>((rows + kThreads - 1) / kThreads), kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.out<float>(0).data(), rows, n, by_columns ? 1 : n,
        by_columns ? rows : 1);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::hbm
