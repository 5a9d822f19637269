// Whole blocks without looking at the end: the last one writes past it.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::writes_past_end {
namespace {

__global__ void whole_blocks_kernel(const float* x, float* y, std::int64_t count) {
  y[element()] = rotated(x[min(element(), count - 1)]);
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) const {
    if (!kCheat) return rotate(v);
    whole_blocks_kernel<<<v.blocks(), kThreads, 0, v.stream>>>(v.x, v.y, v.count);
    AISP_CUDA(cudaGetLastError());
  }
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::writes_past_end
