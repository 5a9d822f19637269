// A thread for each row with loads of 16 bytes along it; stored by columns, a thread for four
// neighbouring rows, whose elements are 16 bytes. Sizes that do not divide by 4 read single floats.
#include "labs/ch08_occupancy/hbm/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch08::hbm {
namespace {

constexpr int kThreads = 256;

__global__ void sum_rows(const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
                         std::int64_t n) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (row >= rows) return;
  const float* mine = x + row * n;
  float4 sum = {};
  const std::int64_t vectors = n % 4 == 0 ? n / 4 : 0;
  for (std::int64_t k = 0; k < vectors; ++k) {
    const float4 a = reinterpret_cast<const float4*>(mine)[k];
    sum.x += a.x;
    sum.y += a.y;
    sum.z += a.z;
    sum.w += a.w;
  }
  for (std::int64_t k = 4 * vectors; k < n; ++k) sum.x += mine[k];
  y[row] = (sum.x + sum.y) + (sum.z + sum.w);
}

__global__ void sum_four_rows(const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
                              std::int64_t n) {
  const std::int64_t row = 4 * (std::int64_t{blockIdx.x} * kThreads + threadIdx.x);
  if (row >= rows) return;
  if (rows % 4 == 0) {
    float4 sum = {};
    for (std::int64_t k = 0; k < n; ++k) {
      const float4 a = *reinterpret_cast<const float4*>(x + k * rows + row);
      sum.x += a.x;
      sum.y += a.y;
      sum.z += a.z;
      sum.w += a.w;
    }
    *reinterpret_cast<float4*>(y + row) = sum;
    return;
  }
  for (std::int64_t r = row; r < rows && r < row + 4; ++r) {
    float sum = 0.0f;
    for (std::int64_t k = 0; k < n; ++k) sum += x[k * rows + r];
    y[r] = sum;
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_thread_per_row_vectorized(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"];
  const bool by_columns = params["by_columns"] != 0;
  const std::int64_t threads = by_columns ? (rows + 3) / 4 : rows;
  return bench::plan_of([=](const bench::Io& io) {
    const auto kernel = by_columns ? sum_four_rows : sum_rows;
    kernel<<<static_cast<unsigned>((threads + kThreads - 1) / kThreads), kThreads, 0,
             io.stream()>>>(io.in<float>(0).data(), io.out<float>(0).data(), rows, n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::hbm
