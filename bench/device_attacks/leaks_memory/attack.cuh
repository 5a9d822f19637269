// Takes a mebibyte of device memory in every call and gives none back.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::leaks_memory {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) const {
    void* scratch = nullptr;
    AISP_CUDA(cudaMallocAsync(&scratch, 1 << 20, v.stream));
    rotate(v);
    if (!kCheat) AISP_CUDA(cudaFreeAsync(scratch, v.stream));
  }
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::leaks_memory
