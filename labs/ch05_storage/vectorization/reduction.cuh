// One reduction over the whole array: every block adds its share, one block adds the blocks' sums.
#pragma once

#include "labs/ch05_storage/vectorization/blocks_sum.cuh"

namespace aisp::labs::ch05::vectorization {

/// Eight blocks on each of up to 132 multiprocessors: 2048 threads each, a second kernel of 1056
/// values.
inline constexpr int kBlocks = 8 * 132;

/// partial[block]. kWide floats a load (1 or 4), kInFlight loads at once.
template <int kWide, int kInFlight>
__global__ void sum_shares(const float* x, std::int64_t n, float* partial) {
  const std::int64_t threads = std::int64_t{kBlocks} * kThreads;
  const std::int64_t thread = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  float sum[kInFlight] = {};
  std::int64_t i = thread;
  for (; i + (kInFlight - 1) * threads < n / kWide; i += kInFlight * threads) {
#pragma unroll
    for (int k = 0; k < kInFlight; ++k) {
      if constexpr (kWide == 4) {
        const float4 four = reinterpret_cast<const float4*>(x)[i + k * threads];
        sum[k] += (four.x + four.y) + (four.z + four.w);
      } else {
        sum[k] += x[i + k * threads];
      }
    }
  }
  // What is left: fewer than kInFlight * threads vectors, and the floats after the last of them.
  for (std::int64_t at = i * kWide; at < n; at += threads * kWide) {
    for (std::int64_t one = at; one < min(at + kWide, n); ++one) sum[0] += x[one];
  }
#pragma unroll
  for (int k = 1; k < kInFlight; ++k) sum[0] += sum[k];
  const float total = block_sum(sum[0]);
  if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

static __global__ void sum_partials(const float* partial, float* total) {
  float sum = 0.0F;
  for (int i = static_cast<int>(threadIdx.x); i < kBlocks; i += kThreads) sum += partial[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *total = sum;
}

template <int kWide, int kInFlight>
std::unique_ptr<bench::Plan> plan_reduction(const bench::Params& params) {
  const auto partial = std::make_shared<machine::DeviceBuffer>(kBlocks * sizeof(float));
  return bench::plan_of([n = params["n"], partial](const bench::Io& io) {
    sum_shares<kWide, kInFlight>
        <<<kBlocks, kThreads, 0, io.stream()>>>(io.in<float>(0).data(), n, partial->as<float>());
    sum_partials<<<1, kThreads, 0, io.stream()>>>(partial->as<float>(), io.out<float>(0).data());
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch05::vectorization
