// A thread for each row, one accumulator: the loop as it stands in the formula. Neighbours in a
// warp read addresses a row apart, so every load of a warp touches 32 sectors.
#include "labs/ch08_occupancy/ai_optimization/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch08::ai_optimization {
namespace {

constexpr int kThreads = 128;  // 16,384 rows are 128 blocks, about one for each multiprocessor

__global__ void dot(const float* __restrict__ x, const float* __restrict__ w, float* __restrict__ y,
                    std::int64_t rows, std::int64_t n) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (row >= rows) return;
  float sum = 0.0f;
  for (std::int64_t k = 0; k < n; ++k) sum += x[row * n + k] * w[k];
  y[row] = sum;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_one_accumulator(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"];
  return bench::plan_of([=](const bench::Io& io) {
    dot<<<static_cast<unsigned>((rows + kThreads - 1) / kThreads), kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), rows, n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::ai_optimization
