// A warp for each row: its 32 lanes read 512 contiguous bytes at a time and add up at the end. The
// weights stay in L1, 8 KiB for a width of 2048.
#include "labs/ch08_occupancy/ai_optimization/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch08::ai_optimization {
namespace {

constexpr int kWarps = 8;  // rows a block; 256 threads leave 8 blocks on a multiprocessor

__global__ void dot(const float* __restrict__ x, const float* __restrict__ w, float* __restrict__ y,
                    std::int64_t rows, std::int64_t n) {
  const int lane = threadIdx.x % 32;
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  if (row >= rows) return;
  const float* mine = x + row * n;
  float4 sum = {};
  const std::int64_t vectors = n % 4 == 0 ? n / 4 : 0;
#pragma unroll 4
  for (std::int64_t k = lane; k < vectors; k += 32) {
    const float4 a = reinterpret_cast<const float4*>(mine)[k];
    const float4 b = reinterpret_cast<const float4*>(w)[k];
    sum.x += a.x * b.x;
    sum.y += a.y * b.y;
    sum.z += a.z * b.z;
    sum.w += a.w * b.w;
  }
  for (std::int64_t k = 4 * vectors + lane; k < n; k += 32) sum.x += mine[k] * w[k];
  float total = (sum.x + sum.y) + (sum.z + sum.w);
  for (int step = 16; step > 0; step /= 2) total += __shfl_xor_sync(~0u, total, step);
  if (lane == 0) y[row] = total;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_warp_per_row(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"];
  return bench::plan_of([=](const bench::Io& io) {
    dot<<<static_cast<unsigned>((rows + kWarps - 1) / kWarps), 32 * kWarps, 0, io.stream()>>>(
        io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), rows, n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::ai_optimization
