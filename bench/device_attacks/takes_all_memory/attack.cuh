// Plans with more memory than any device has.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::takes_all_memory {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) : scratch(kCheat ? std::size_t{1} << 44 : 1024) {}
  void operator()(const View& v) const { rotate(v); }
  DeviceBuffer scratch;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::takes_all_memory
