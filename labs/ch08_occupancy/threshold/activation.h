// For .cu files: the function of one element, without a branch.
#pragma once

#include "labs/ch08_occupancy/threshold/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch08::threshold {

inline __device__ float silu(float x) { return x / (1.0f + expf(-x)); }

/// Computes both sides and selects.
inline __device__ float activate(float x) {
  const float open = silu(x);
  return fabsf(x) > kThreshold ? open : 0.0f;
}
inline __device__ float4 activate(float4 x) {
  return {activate(x.x), activate(x.y), activate(x.z), activate(x.w)};
}

}  // namespace aisp::labs::ch08::threshold
