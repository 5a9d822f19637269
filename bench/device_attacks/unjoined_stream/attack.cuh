// All of the work on a stream of its own that nobody waits for: the commonest accident. The timed
// stream is empty.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::unjoined_stream {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) {
    side.fork(v.stream);
    rotate(v, side.stream);
    if (!kCheat) side.join(v.stream);
  }
  Side side;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::unjoined_stream
