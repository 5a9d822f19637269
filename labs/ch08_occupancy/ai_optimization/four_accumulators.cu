// A thread for each row, loads of 16 bytes and four accumulators: a quarter of the loads, and four
// chains of additions instead of one.
#include "labs/ch08_occupancy/ai_optimization/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch08::ai_optimization {
namespace {

constexpr int kThreads = 128;  // as one_accumulator

__global__ void dot(const float* __restrict__ x, const float* __restrict__ w, float* __restrict__ y,
                    std::int64_t rows, std::int64_t n) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (row >= rows) return;
  const float* mine = x + row * n;
  float4 sum = {};
  // Rows of other lengths do not start on 16 bytes.
  const std::int64_t vectors = n % 4 == 0 ? n / 4 : 0;
  for (std::int64_t k = 0; k < vectors; ++k) {
    const float4 a = reinterpret_cast<const float4*>(mine)[k];
    const float4 b = reinterpret_cast<const float4*>(w)[k];
    sum.x += a.x * b.x;
    sum.y += a.y * b.y;
    sum.z += a.z * b.z;
    sum.w += a.w * b.w;
  }
  for (std::int64_t k = 4 * vectors; k < n; ++k) sum.x += mine[k] * w[k];
  y[row] = (sum.x + sum.y) + (sum.z + sum.w);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_four_accumulators(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"];
  return bench::plan_of([=](const bench::Io& io) {
    dot<<<static_cast<unsigned>((rows + kThreads - 1) / kThreads), kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), rows, n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::ai_optimization
