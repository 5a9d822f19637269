// Sets a fifth of the L2 aside for lines that stay, when it is planned, and does not give it back.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::leaves_limit {
namespace {

std::size_t persisting() {
  std::size_t bytes = 0;
  AISP_CUDA(cudaDeviceGetLimit(&bytes, cudaLimitPersistingL2CacheSize));
  return bytes;
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) : before(persisting()) {
    const std::size_t other = std::size_t{before == std::size_t{8} << 20 ? 16u : 8u} << 20;
    AISP_CUDA(cudaDeviceSetLimit(cudaLimitPersistingL2CacheSize, other));
  }
  ~Attack() {
    if (!kCheat) cudaDeviceSetLimit(cudaLimitPersistingL2CacheSize, before);
  }
  void operator()(const View& v) const { rotate(v); }
  std::size_t before;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::leaves_limit
