// Leaves out every eighth block of 256 elements.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::skipped_rows {
namespace {

__global__ void most_rows_kernel(const float* x, float* y, std::int64_t count) {
  if (blockIdx.x % 8 == 7) return;
  if (element() < count) y[element()] = rotated(x[element()]);
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) const {
    if (!kCheat) return rotate(v);
    most_rows_kernel<<<v.blocks(), kThreads, 0, v.stream>>>(v.x, v.y, v.count);
    AISP_CUDA(cudaGetLastError());
  }
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::skipped_rows
