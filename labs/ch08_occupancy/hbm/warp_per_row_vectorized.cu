// A warp for each row with loads of 16 bytes along it: a row of 128 is one load a lane. Stored by
// columns, a warp for four neighbouring rows, a lane for every 32nd column.
#include "labs/ch08_occupancy/hbm/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch08::hbm {
namespace {

constexpr int kWarps = 8;

__device__ float sum_over_warp(float sum) {
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
  return sum;
}

__global__ void sum_rows(const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
                         std::int64_t n) {
  const int lane = threadIdx.x % 32;
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  if (row >= rows) return;
  const float* mine = x + row * n;
  float sum = 0.0f;
  const std::int64_t vectors = n % 4 == 0 ? n / 4 : 0;
#pragma unroll 4
  for (std::int64_t k = lane; k < vectors; k += 32) {
    const float4 a = reinterpret_cast<const float4*>(mine)[k];
    sum += (a.x + a.y) + (a.z + a.w);
  }
  for (std::int64_t k = 4 * vectors + lane; k < n; k += 32) sum += mine[k];
  sum = sum_over_warp(sum);
  if (lane == 0) y[row] = sum;
}

__global__ void sum_four_rows(const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
                              std::int64_t n) {
  const int lane = threadIdx.x % 32;
  const std::int64_t row = 4 * (std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32);
  if (row >= rows) return;
  float sum[4] = {};
  for (std::int64_t k = lane; k < n; k += 32) {
    if (rows % 4 == 0) {
      const float4 a = *reinterpret_cast<const float4*>(x + k * rows + row);
      sum[0] += a.x;
      sum[1] += a.y;
      sum[2] += a.z;
      sum[3] += a.w;
    } else {
      for (int r = 0; r < 4; ++r) {
        if (row + r < rows) sum[r] += x[k * rows + row + r];
      }
    }
  }
  for (int r = 0; r < 4; ++r) {
    const float total = sum_over_warp(sum[r]);
    if (lane == 0 && row + r < rows) y[row + r] = total;
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_warp_per_row_vectorized(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"];
  const bool by_columns = params["by_columns"] != 0;
  const std::int64_t warps = by_columns ? (rows + 3) / 4 : rows;
  return bench::plan_of([=](const bench::Io& io) {
    const auto kernel = by_columns ? sum_four_rows : sum_rows;
    kernel<<<static_cast<unsigned>((warps + kWarps - 1) / kWarps), 32 * kWarps, 0, io.stream()>>>(
        io.in<float>(0).data(), io.out<float>(0).data(), rows, n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::hbm
