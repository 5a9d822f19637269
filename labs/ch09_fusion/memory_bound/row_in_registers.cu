// One kernel, a block for each row, which it holds in registers between the three loops: 16 bytes a
// load, every element read once. Rows longer than 8192 or not of 4 elements take
// block_per_row's kernel.
#include <algorithm>

#include "labs/ch09_fusion/memory_bound/device_rows.h"
#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {
namespace {

constexpr int kMost = 4;  // vectors a thread: 16 registers

template <int kEach>
__global__ void layer_norm(const float* __restrict__ x, const float* __restrict__ weight,
                           const float* __restrict__ bias, float* __restrict__ y, std::int64_t n) {
  const auto* row = reinterpret_cast<const float4*>(x + blockIdx.x * n);
  auto* out = reinterpret_cast<float4*>(y + blockIdx.x * n);
  const int vectors = static_cast<int>(n / 4), threads = static_cast<int>(blockDim.x);
  float4 mine[kEach];
  float sum = 0.0f, squares = 0.0f;
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const int at = static_cast<int>(threadIdx.x) + i * threads;
    mine[i] = at < vectors ? row[at] : float4{};
    sum += (mine[i].x + mine[i].y) + (mine[i].z + mine[i].w);
  }
  const float mean = sum_over_block(sum) / static_cast<float>(n);
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    if (static_cast<int>(threadIdx.x) + i * threads >= vectors) break;
    mine[i] = {mine[i].x - mean, mine[i].y - mean, mine[i].z - mean, mine[i].w - mean};
    squares += (mine[i].x * mine[i].x + mine[i].y * mine[i].y) +
               (mine[i].z * mine[i].z + mine[i].w * mine[i].w);
  }
  const float variance = sum_over_block(squares) / static_cast<float>(n);
  const float factor = 1.0f / sqrtf(variance + kEpsilon);
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const int at = static_cast<int>(threadIdx.x) + i * threads;
    if (at >= vectors) break;
    const float4 w = reinterpret_cast<const float4*>(weight)[at];
    const float4 b = reinterpret_cast<const float4*>(bias)[at];
    out[at] = {mine[i].x * factor * w.x + b.x, mine[i].y * factor * w.y + b.y,
               mine[i].z * factor * w.z + b.z, mine[i].w * factor * w.w + b.w};
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_row_in_registers(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"], vectors = n / 4;
  if (n % 4 != 0 || vectors > 512 * kMost) return plan_block_per_row(params);
  // As many threads as there are pairs of vectors, in whole warps, at most 512: two loads in flight
  // each, and four blocks of 512 on a multiprocessor.
  const auto pairs = static_cast<int>((vectors + 1) / 2);
  const int threads = std::min(512, (pairs + 31) / 32 * 32);
  const auto kernel = vectors <= 2 * threads ? layer_norm<2> : layer_norm<kMost>;
  return bench::plan_of([=](const bench::Io& io) {
    kernel<<<static_cast<unsigned>(rows), threads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.in<float>(1).data(), io.in<float>(2).data(),
        io.out<float>(0).data(), n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch09::memory_bound
