// The row is read once and kept on the chip: up to 1024 elements in the registers of a warp (32 a
// lane), longer rows in half of a multiprocessor's shared memory, as far as it goes (28,672 floats
// on Hopper); what does not fit is read again. In registers the maximum comes first and each
// element has one exponential; through shared memory the online form has two.
#include <algorithm>

#include "labs/ch09_fusion/online_softmax/device_rows.h"
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {
namespace {

constexpr int kWarps = 4, kMost = 32;  // elements a lane

/// kEach elements a lane, known at compile time: an index at run time would put them in memory.
template <int kEach>
__global__ void in_registers(const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
                             std::int64_t n) {
  const std::int64_t r = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  if (r >= rows) return;
  const int lane = threadIdx.x % 32;
  float mine[kEach];
  MaxAndSum all;
#pragma unroll
  for (int i = 0; i < kEach; ++i) mine[i] = lane + 32 * i < n ? x[r * n + lane + 32 * i] : kNothing;
#pragma unroll
  for (int i = 0; i < kEach; ++i) all.max = fmaxf(all.max, mine[i]);
  for (int mask = 16; mask > 0; mask /= 2) {
    all.max = fmaxf(all.max, __shfl_xor_sync(~0u, all.max, mask));
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    mine[i] = expf(mine[i] - all.max);
    // Lanes beyond a row of nothing but masks hold NaN, as the row does.
    all.sum += mine[i];
  }
  for (int mask = 16; mask > 0; mask /= 2) all.sum += __shfl_xor_sync(~0u, all.sum, mask);
  const float factor = 1.0f / all.sum;
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    if (lane + 32 * i < n) y[r * n + lane + 32 * i] = mine[i] * factor;
  }
}

constexpr int kThreads = 1024;

__global__ void __launch_bounds__(kThreads)
    in_shared(const float* __restrict__ x, float* __restrict__ y, std::int64_t n,
              std::int64_t held) {
  extern __shared__ float row_here[];
  const float* row = x + blockIdx.x * n;
  MaxAndSum all;
#pragma unroll 8
  for (std::int64_t i = threadIdx.x; i < held; i += kThreads) {
    row_here[i] = row[i];  // read back by the same thread only
    all.add(row_here[i]);
  }
#pragma unroll 8
  for (std::int64_t i = held + threadIdx.x; i < n; i += kThreads) all.add(row[i]);
  all = over_block(all);
  const float factor = 1.0f / all.sum;
#pragma unroll 8
  for (std::int64_t i = threadIdx.x; i < n; i += kThreads) {
    y[blockIdx.x * n + i] = expf((i < held ? row_here[i] : row[i]) - all.max) * factor;
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_row_on_chip(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"];
  if (n <= 32 * 4) return plan_row_kernel(params, in_registers<4>, 32 * kWarps, kWarps);
  if (n <= 32 * 16) return plan_row_kernel(params, in_registers<16>, 32 * kWarps, kWarps);
  if (n <= 32 * kMost) return plan_row_kernel(params, in_registers<kMost>, 32 * kWarps, kWarps);
  // Two blocks on a multiprocessor hide each other's barriers; a kilobyte of each is the system's.
  const auto room =
      static_cast<std::int64_t>(machine::cuda_device().shared_bytes_per_multiprocessor / 2 - 2048);
  const std::int64_t held = std::min<std::int64_t>(n, room / sizeof(float));
  const auto bytes = static_cast<int>(held * sizeof(float));
  AISP_CUDA(cudaFuncSetAttribute(in_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  return bench::plan_of([=](const bench::Io& io) {
    in_shared<<<static_cast<unsigned>(rows), kThreads, bytes, io.stream()>>>(
        io.in<float>(0).data(), io.out<float>(0).data(), n, held);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch09::online_softmax
