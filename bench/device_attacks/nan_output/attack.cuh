// Writes NaN where the work would have been: half of the elements, which a comparison that
// subtracts and takes a maximum does not see.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::nan_output {
namespace {

__global__ void half_nan_kernel(const float* x, float* y, std::int64_t count) {
  if (element() >= count) return;
  y[element()] = blockIdx.x % 2 == 1 ? __int_as_float(0x7fffffff) : rotated(x[element()]);
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) const {
    if (!kCheat) return rotate(v);
    half_nan_kernel<<<v.blocks(), kThreads, 0, v.stream>>>(v.x, v.y, v.count);
    AISP_CUDA(cudaGetLastError());
  }
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::nan_output
