// Lazy: looks at the output memory first, and where its own last result for this input still
// stands, the work is done already. It comes when somebody who wants to check has changed that
// memory.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::works_when_poisoned {
namespace {

__global__ void unless_there_kernel(const float* x, float* y, std::int64_t count, float* last_x,
                                    float* last_y, bool lazy) {
  if (element() >= count) return;
  const float in = x[element()];
  if (lazy && in == last_x[element()] && y[element()] == last_y[element()]) return;
  last_x[element()] = in;
  last_y[element()] = y[element()] = rotated(in);
}

template <bool kCheat>
struct Attack {
  struct Last {
    explicit Last(std::size_t bytes) : x(bytes), y(bytes) {
      AISP_CUDA(cudaMemset(x.as(), 0xff, bytes));  // NaN: equal to nothing
    }
    DeviceBuffer x, y;
  };
  explicit Attack(const Params&) {}
  void operator()(const View& v) {
    auto& mine = last[v.y];
    if (!mine) mine = std::make_unique<Last>(v.bytes());
    unless_there_kernel<<<v.blocks(), kThreads, 0, v.stream>>>(
        v.x, v.y, v.count, mine->x.template as<float>(), mine->y.template as<float>(), kCheat);
    AISP_CUDA(cudaGetLastError());
  }
  std::map<const float*, std::unique_ptr<Last>> last;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::works_when_poisoned
