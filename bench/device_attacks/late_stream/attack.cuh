// Right in the first calls, which verification sees; from then on the work is on a stream of its
// own that nobody waits for, and begins 40 us late. That is less than can be told from a host that
// was slow to look, but the output memory shows it.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::late_stream {
namespace {

__global__ void pause_kernel(unsigned long long ns) {
  unsigned long long begin = 0, now = 0;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(begin));
  do {
    __nanosleep(500);
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
  } while (now - begin < ns);
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) {
    side.fork(v.stream);
    pause_kernel<<<1, 1, 0, side.stream>>>(40000);
    rotate(v, side.stream);
    if (!kCheat || ++calls <= 3) side.join(v.stream);
  }
  Side side;
  int calls = 0;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::late_stream
