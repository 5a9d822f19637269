// Whole blocks only: what does not fill the last one is left out.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::truncated_tail {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) const {
    const std::int64_t until = kCheat ? v.count / kThreads * kThreads : v.count;
    rotate_kernel<<<v.blocks(), kThreads, 0, v.stream>>>(v.x, v.y, until);
    AISP_CUDA(cudaGetLastError());
  }
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::truncated_tail
