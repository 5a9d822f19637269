// One kernel, a block for each row, three plain loops over it: mean, variance, result. Fused, and
// the row is read three times, from L1 or L2 after the first.
#include "labs/ch09_fusion/memory_bound/device_rows.h"
#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {
namespace {

constexpr int kThreads = 256;

__global__ void layer_norm(const float* __restrict__ x, const float* __restrict__ weight,
                           const float* __restrict__ bias, float* __restrict__ y, std::int64_t n) {
  const float* row = x + blockIdx.x * n;
  float sum = 0.0f, squares = 0.0f;
  for (std::int64_t i = threadIdx.x; i < n; i += kThreads) sum += row[i];
  const float mean = sum_over_block(sum) / static_cast<float>(n);
  for (std::int64_t i = threadIdx.x; i < n; i += kThreads) {
    squares += (row[i] - mean) * (row[i] - mean);
  }
  const float variance = sum_over_block(squares) / static_cast<float>(n);
  const float factor = 1.0f / sqrtf(variance + kEpsilon);
  for (std::int64_t i = threadIdx.x; i < n; i += kThreads) {
    y[blockIdx.x * n + i] = (row[i] - mean) * factor * weight[i] + bias[i];
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_block_per_row(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"];
  return bench::plan_of([=](const bench::Io& io) {
    layer_norm<<<static_cast<unsigned>(rows), kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.in<float>(1).data(), io.in<float>(2).data(),
        io.out<float>(0).data(), n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch09::memory_bound
