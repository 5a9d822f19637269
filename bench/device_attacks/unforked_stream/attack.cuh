// Joins its own stream at the end but does not make it wait at the beginning: the work can be done
// before the clock starts, while the timed stream is held back for its launches. Nobody is accused
// of that: while a stream is held, the whole device is, and the work counts.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::unforked_stream {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params& p) : result(static_cast<std::size_t>(p["count"]) * sizeof(float)) {}
  void operator()(const View& v) {
    if (!kCheat) side.fork(v.stream);
    rotate({v.x, result.template as<float>(), v.count, side.stream}, side.stream);
    side.join(v.stream);
    copy(v.y, result.template as<float>(), v);
  }
  Side side;
  DeviceBuffer result;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::unforked_stream
