// Computes once for each input pointer and copies that output from then on, whatever the memory
// holds by now.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::replay_pointer {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) {
    auto& kept = outputs[v.x];
    const bool first = kept == nullptr;
    if (first) kept = std::make_unique<DeviceBuffer>(v.bytes());
    if (kCheat && !first) return copy(v.y, kept->template as<float>(), v);
    rotate(v);
    copy(kept->template as<float>(), v.y, v);
  }
  std::map<const float*, std::unique_ptr<DeviceBuffer>> outputs;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::replay_pointer
