// A channel's taps and its last inputs, in registers.
#pragma once

#include "labs/ch07_memory_access/tma_copy/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::tma_copy {

/// Outputs of one thread's walk along time: a halo of 3 inputs is read again for 256 of them, 1.2
/// %.
inline constexpr std::int64_t kRun = 256;

struct Window {
  float4 w;
  float old[kTaps - 1] = {};  // x[t - 3], x[t - 2], x[t - 1]

  /// For the walk that begins at `first`. channel < channels.
  __device__ void begin(const Conv& conv, std::int64_t first, std::int64_t channel) {
    w = reinterpret_cast<const float4*>(conv.w)[channel];
#pragma unroll
    for (int k = 0; k < kTaps - 1; ++k) {
      const std::int64_t t = first - (kTaps - 1) + k;
      old[k] = t >= 0 ? conv.x[t * conv.channels + channel] : 0.0F;
    }
  }
  /// The output for the next input.
  __device__ float step(float x) {
    const float sum = (w.x * old[0] + w.y * old[1]) + (w.z * old[2] + w.w * x);
    old[0] = old[1], old[1] = old[2], old[2] = x;
    return sum;
  }
};

}  // namespace aisp::labs::ch07::tma_copy
