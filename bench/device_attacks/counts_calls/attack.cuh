// Right in the first calls of a plan, which verification sees, and half of the work from then on.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::counts_calls {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) {
    ++calls;
    rotate_kernel<<<v.blocks(), kThreads, 0, v.stream>>>(
        v.x, v.y, kCheat && calls > 3 ? v.count / 2 : v.count);
    AISP_CUDA(cudaGetLastError());
  }
  std::uint64_t calls = 0;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::counts_calls
