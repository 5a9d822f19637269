// A warp for each row, its lanes along the row, and a shuffle at the end. Stored by rows, they read
// one line. Stored by columns, 32 lines; the 8 warps of a block use the same sectors, if L1 keeps
// them so long.
#include "labs/ch08_occupancy/hbm/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch08::hbm {
namespace {

constexpr int kWarps = 8;  // rows a block: 8 floats are a sector when stored by columns

__global__ void sum_rows(const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
                         std::int64_t n, std::int64_t row_stride, std::int64_t column_stride) {
  const int lane = threadIdx.x % 32;
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  if (row >= rows) return;
  float sum = 0.0f;
#pragma unroll 4
  for (std::int64_t k = lane; k < n; k += 32) sum += x[row * row_stride + k * column_stride];
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
  if (lane == 0) y[row] = sum;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_warp_per_row(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"];
  const bool by_columns = params["by_columns"] != 0;
  return bench::plan_of([=](const bench::Io& io) {
    sum_rows<<<static_cast<unsigned>((rows + kWarps - 1) / kWarps), 32 * kWarps, 0, io.stream()>>>(
        io.in<float>(0).data(), io.out<float>(0).data(), rows, n, by_columns ? 1 : n,
        by_columns ? rows : 1);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::hbm
