// Plans with more memory than any device has.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::takes_all_memory {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {
    try {
      scratch = std::make_unique<DeviceBuffer>(kCheat ? std::size_t{1} << 44 : 1024);
    } catch (const Error&) {
      cudaGetLastError();  // the runtime of this module keeps it, and would tell the twin
      throw;
    }
  }
  void operator()(const View& v) const { rotate(v); }
  std::unique_ptr<DeviceBuffer> scratch;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::takes_all_memory
