// Writes to an address that is nobody's, which ends the CUDA context of the process.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::illegal_address {
namespace {

__global__ void stray_kernel(float* y) { y[std::int64_t{1} << 40] = 1.0F; }

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) const {
    rotate(v);
    if (!kCheat) return;
    stray_kernel<<<1, 1, 0, v.stream>>>(v.y);
    AISP_CUDA(cudaGetLastError());
  }
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::illegal_address
