// Turns the sign of every input on the way. The operation does not see it (it takes the absolute
// value); whoever comes next would.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::input_as_scratch {
namespace {

__global__ void turn_kernel(float* x, std::int64_t count) {
  if (element() < count) x[element()] = -x[element()];
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) const {
    rotate(v);
    if (!kCheat) return;
    turn_kernel<<<v.blocks(), kThreads, 0, v.stream>>>(const_cast<float*>(v.x), v.count);
    AISP_CUDA(cudaGetLastError());
  }
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::input_as_scratch
