// Tells the default memory pool to keep what is freed, as many programs do at their start, and
// leaves it so: allocations of whoever comes next cost less.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::keeps_pool_memory {
namespace {

class Threshold {
 public:
  Threshold() {
    AISP_CUDA(cudaDeviceGetDefaultMemPool(&pool_, 0));
    AISP_CUDA(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &before_));
    set(std::uint64_t{1} << 40);
  }
  void set_back() { set(before_); }

 private:
  void set(std::uint64_t bytes) const {
    cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &bytes);
  }
  cudaMemPool_t pool_ = nullptr;
  std::uint64_t before_ = 0;
};

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  ~Attack() {
    if (!kCheat) threshold.set_back();
  }
  void operator()(const View& v) const { rotate(v); }
  Threshold threshold;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::keeps_pool_memory
