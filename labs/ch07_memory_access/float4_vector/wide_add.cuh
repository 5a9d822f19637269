// The addition with vectors of type Word, kEach of them a thread, a block apart from each other so
// that the lanes of a warp ask for neighbours at every step.
#pragma once

#include <algorithm>

#include "labs/ch07_memory_access/float4_vector/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::float4_vector {

inline constexpr int kThreads = 256;  // 8 blocks fill a multiprocessor

/// Two float4: no instruction of sm_90 moves 32 bytes, so this is two of 16.
struct alignas(32) Float8 {
  float4 low, high;
};

__device__ inline float add(float a, float b) { return a + b; }
__device__ inline float4 add(float4 a, float4 b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w};
}
__device__ inline Float8 add(const Float8& a, const Float8& b) {
  return {add(a.low, b.low), add(a.high, b.high)};
}

template <class Word, int kEach>
__global__ void __launch_bounds__(kThreads)
    add_words(const float* x, const float* y, float* out, std::int64_t n) {
  constexpr std::int64_t kFloats = sizeof(Word) / sizeof(float);
  const std::int64_t words = n / kFloats;
  const std::int64_t first = std::int64_t{blockIdx.x} * (kThreads * kEach) + threadIdx.x;
  Word a[kEach], b[kEach];
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    if (first + i * kThreads >= words) break;
    a[i] = reinterpret_cast<const Word*>(x)[first + i * kThreads];
    b[i] = reinterpret_cast<const Word*>(y)[first + i * kThreads];
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    if (first + i * kThreads >= words) break;
    reinterpret_cast<Word*>(out)[first + i * kThreads] = add(a[i], b[i]);
  }
  // The floats after the last whole word.
  const std::int64_t rest = words * kFloats + threadIdx.x;
  if (blockIdx.x == 0 && rest < n) out[rest] = x[rest] + y[rest];
}

template <class Word, int kEach>
std::unique_ptr<bench::Plan> plan_words(const bench::Params& params) {
  constexpr std::int64_t kBlock = kThreads * kEach * sizeof(Word) / sizeof(float);
  return bench::plan_of([n = params["n"]](const bench::Io& io) {
    const auto blocks = static_cast<unsigned>((n + kBlock - 1) / kBlock);
    add_words<Word, kEach><<<blocks, kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::float4_vector
