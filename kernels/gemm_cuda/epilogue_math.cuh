// What follows the product, element by element: the arithmetic that both variants share.
#pragma once

#include "kernels/cuda/pack.cuh"
#include "kernels/gemm_cuda/cuda.h"

namespace aisp::kernels::gemm_cuda {

/// Request's pointers, as the device needs them.
struct Epilogue {
  int M, N;
  const float *scale_a, *scale_b;
  bool per_row;
  const bf16* bias;
  Activation activation;
  bool residual;
  const float* output_scale;
};

inline Epilogue epilogue_of(const Request& request) {
  return {static_cast<int>(request.shape.M),
          static_cast<int>(request.shape.N),
          request.scale_a,
          request.scale_b,
          request.per_row,
          request.bias,
          request.activation,
          request.residual != nullptr,
          request.output_scale};
}

/// x / (1 + 2^t): two instructions of the special unit, whose 16 results a clock are what an
/// activation costs; without the detours for subnormal numbers, which 1 + 2^t never is.
__device__ inline float over_one_plus_exp2(float x, float t) {
  float power, inverse;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(t));
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(1.0F + power));
  return x * inverse;
}
/// x / (1 + e^-x).
__device__ inline float silu(float x) { return over_one_plus_exp2(x, -1.4426950409F * x); }
/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, as x times a logistic function: the first
/// factor is -2 sqrt(2 / pi) / ln 2.
__device__ inline float gelu(float x) {
  return over_one_plus_exp2(x, -2.3022081981F * x * (1.0F + 0.044715F * x * x));
}
__device__ inline float activate(float x, Activation activation) {
  if (activation == Activation::kSilu) return silu(x);
  if (activation == Activation::kGelu) return gelu(x);
  return x;
}

/// Scales and bias of the product of A's row m and B's row n.
__device__ inline float before_activation(const Epilogue& e, int m, int n, float x) {
  float factor = 1.0F;
  if (e.scale_a != nullptr) factor *= e.scale_a[e.per_row ? m : 0];
  if (e.scale_b != nullptr) factor *= e.scale_b[e.per_row ? n : 0];
  x *= factor;
  if (e.bias != nullptr) x += __uint_as_float(static_cast<std::uint32_t>(e.bias[n].bits) << 16);
  return x;
}

}  // namespace aisp::kernels::gemm_cuda
