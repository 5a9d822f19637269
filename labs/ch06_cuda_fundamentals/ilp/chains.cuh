// The chains on the GPU with kWays of them in flight in each thread: chains of the square map, or
// partial sums of one score (term d goes to sum d % kWays). The techniques differ in kWays and in
// how many warps a multiprocessor has to choose from.
#pragma once

#include "labs/ch06_cuda_fundamentals/ilp/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch06::ilp {

/// Chains of a thread lie gridDim * blockDim apart, so that a warp's loads are neighbours. What
/// lies beyond the last chain computes the last one again and is not stored.
template <int kWays>
__global__ void square_map(Chains work) {
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
  const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  for (std::int64_t first = thread; first < work.chains; first += kWays * threads) {
    float value[kWays], c[kWays];
#pragma unroll
    for (int w = 0; w < kWays; ++w) {
      const std::int64_t i = min(first + w * threads, work.chains - 1);
      value[w] = work.start[i];
      c[w] = work.step[i];
    }
// A pass of the loop costs three instructions besides its steps: a fifth of 16, not of 1.
#pragma unroll 16
    for (int s = 0; s < static_cast<int>(work.steps); ++s) {
#pragma unroll
      for (int w = 0; w < kWays; ++w) value[w] = value[w] * value[w] + c[w];
    }
#pragma unroll
    for (int w = 0; w < kWays; ++w) {
      if (first + w * threads < work.chains) work.y[first + w * threads] = value[w];
    }
  }
}

template <int kWays>
__global__ void scores(Chains work) {
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
  const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int steps = static_cast<int>(work.steps);
  for (std::int64_t i = thread; i < work.chains; i += threads) {
    const float* key = work.step + i * work.steps;  // [steps]
    float partial[kWays] = {};
    int d = 0;
#pragma unroll 4
    for (; d + kWays <= steps; d += kWays) {
#pragma unroll
      for (int w = 0; w < kWays; ++w) partial[w] += work.start[d + w] * key[d + w];
    }
    for (; d < steps; ++d) partial[0] += work.start[d] * key[d];
    float sum = partial[0];
#pragma unroll
    for (int w = 1; w < kWays; ++w) sum += partial[w];
    work.y[i] = sum;
  }
}

/// Blocks and threads of one launch.
struct Launch {
  unsigned blocks = 0, threads = 0;
};

template <int kWays>
std::unique_ptr<bench::Plan> plan_on_gpu(const bench::Params& params, Launch launch) {
  const auto kernel = params["kind"] == kSquareMap ? square_map<kWays> : scores<kWays>;
  return bench::plan_of(
      [kernel, launch, chains = params["chains"], steps = params["steps"]](const bench::Io& io) {
        kernel<<<launch.blocks, launch.threads, 0, io.stream()>>>({.start = io.in<float>(0).data(),
                                                                   .step = io.in<float>(1).data(),
                                                                   .y = io.out<float>(0).data(),
                                                                   .chains = chains,
                                                                   .steps = steps});
        AISP_CUDA(cudaGetLastError());
      });
}

/// One thread for `ways` chains of the map, or for one score: as many warps as there is work for.
inline Launch many_warps(const bench::Params& params, int ways) {
  const std::int64_t each = params["kind"] == kSquareMap ? 256 * ways : 256;
  return {static_cast<unsigned>((params["chains"] + each - 1) / each), 256};
}

/// Four warps on each multiprocessor, one for each of its four schedulers, which loop over the
/// chains: what is left when a kernel's shared memory or registers let one block of 128 threads in.
inline Launch few_warps() {
  return {static_cast<unsigned>(machine::cuda_device().multiprocessors), 128};
}

}  // namespace aisp::labs::ch06::ilp
