// Causal depthwise convolution of width 4 along a sequence, as in every Mamba block: each output is
// a gather of four neighbours in time, out[t][c] = sum over k of w[c][k] x[t - 3 + k][c], where
// what lies before the sequence is zero. Inputs: x[tokens][channels], w[channels][4] f32. Output:
// out[tokens][channels] f32. channels: a multiple of 4 (rows of tensor maps begin at 16 bytes).
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch07::tma_copy {

inline constexpr int kTaps = 4;

struct Conv {
  const float* x = nullptr;
  const float* w = nullptr;
  float* out = nullptr;
  std::int64_t tokens = 0, channels = 0;
};

inline Conv conv_of(const bench::Io& io, const bench::Params& p) {
  return {io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), p["tokens"],
          p["channels"]};
}

std::unique_ptr<bench::Plan> plan_four_loads(const bench::Params&);
std::unique_ptr<bench::Plan> plan_rolling_window(const bench::Params&);
std::unique_ptr<bench::Plan> plan_shared_tile(const bench::Params&);
std::unique_ptr<bench::Plan> plan_tma_ring(const bench::Params&);

}  // namespace aisp::labs::ch07::tma_copy
