// A warp for each row of W: its lanes read neighbours, 16 bytes of weights a load (4 in f32, 8 in
// bf16), kInFlight loads on their way, sums in f32.
#pragma once

#include "labs/ch06_cuda_fundamentals/quantization_ilp/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch06::quantization_ilp {

inline constexpr int kWarps = 8;

/// Adds a vector of weights times its part of x; `at` counts vectors.
struct F32 {
  static constexpr int kWide = 4;
  static constexpr Input kInput = kF32;
  __device__ static float add(float sum, const uint4& weights, const float4* x, int at) {
    const float4 in = x[at];
    sum += __uint_as_float(weights.x) * in.x + __uint_as_float(weights.y) * in.y;
    return sum + (__uint_as_float(weights.z) * in.z + __uint_as_float(weights.w) * in.w);
  }
};
struct Bf16 {
  static constexpr int kWide = 8;
  static constexpr Input kInput = kBf16;
  /// bf16 is the upper half of an f32.
  __device__ static float pair(std::uint32_t weights, float x0, float x1) {
    return __uint_as_float(weights << 16) * x0 + __uint_as_float(weights & 0xffff0000U) * x1;
  }
  __device__ static float add(float sum, const uint4& weights, const float4* x, int at) {
    const float4 low = x[2 * at], high = x[2 * at + 1];
    sum += pair(weights.x, low.x, low.y) + pair(weights.y, low.z, low.w);
    return sum + (pair(weights.z, high.x, high.y) + pair(weights.w, high.z, high.w));
  }
};

/// cols a multiple of Format::kWide.
template <class Format, int kInFlight>
__global__ void __launch_bounds__(kWarps * 32)
    multiply_rows(const uint4* w, const float4* x, float* y, Shape shape) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + threadIdx.y;
  if (row >= shape.rows) return;
  const int vectors = static_cast<int>(shape.cols) / Format::kWide;
  const int lane = static_cast<int>(threadIdx.x);
  const uint4* weights = w + row * vectors;
  float sum[kInFlight] = {};
  int at = lane;
  for (; at + (kInFlight - 1) * 32 < vectors; at += kInFlight * 32) {
    uint4 loaded[kInFlight];
#pragma unroll
    for (int k = 0; k < kInFlight; ++k) loaded[k] = weights[at + k * 32];
#pragma unroll
    for (int k = 0; k < kInFlight; ++k) sum[k] = Format::add(sum[k], loaded[k], x, at + k * 32);
  }
  for (; at < vectors; at += 32) sum[0] = Format::add(sum[0], weights[at], x, at);
#pragma unroll
  for (int k = 1; k < kInFlight; ++k) sum[0] += sum[k];
  for (int step = 16; step > 0; step /= 2) sum[0] += __shfl_xor_sync(~0U, sum[0], step);
  if (lane == 0) y[row] = sum[0];
}

template <class Format, int kInFlight>
std::unique_ptr<bench::Plan> plan_rows(const bench::Params& params) {
  return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
    const void* w = io.in<float>(kF32).data();
    if constexpr (Format::kInput == kBf16) w = io.in<bf16>(kBf16).data();
    const auto blocks = static_cast<unsigned>((shape.rows + kWarps - 1) / kWarps);
    multiply_rows<Format, kInFlight><<<blocks, dim3(32, kWarps), 0, io.stream()>>>(
        static_cast<const uint4*>(w), reinterpret_cast<const float4*>(io.in<float>(kX).data()),
        io.out<float>(0).data(), shape);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch06::quantization_ilp
