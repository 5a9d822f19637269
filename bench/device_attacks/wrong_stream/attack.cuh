// Works on a stream of its own and waits for it on the host, so that everything is there when the
// call returns; the timed stream is empty, and both of its events find nothing between them. The
// twin works on the stream that it was given.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::wrong_stream {
namespace {

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) {
    rotate(v, kCheat ? static_cast<cudaStream_t>(own) : v.stream);
    if (kCheat) own.wait();
  }
  Stream own;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::wrong_stream
