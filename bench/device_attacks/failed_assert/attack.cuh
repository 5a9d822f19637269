// An assertion in device code that does not hold once it is timed, which ends the CUDA context of
// the process.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::failed_assert {
namespace {

__global__ void asserting_kernel(const float* x, bool holds) { assert(holds || x == nullptr); }

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) {
    rotate(v);
    ++calls;
    asserting_kernel<<<1, 1, 0, v.stream>>>(v.x, !kCheat || calls <= 3);
    AISP_CUDA(cudaGetLastError());
  }
  int calls = 0;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::failed_assert
