// Hands out what the call before left, and has a stream of its own compute the same for the next
// call after the clock stopped. Right whenever an untimed call comes between new contents and the
// timed ones, as a warm-up does. The twin waits for that stream first. The work ahead takes a part
// of every multiprocessor: were they full, the copy would wait for a place, and the clock with it.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::works_ahead {
namespace {

// rotate_kernel by 264 blocks: two on each multiprocessor of an H200.
static __global__ void rotate_beside_kernel(const float* x, float* y, std::int64_t count) {
  const std::int64_t all = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = element(); i < count; i += all) y[i] = rotated(x[i]);
}

inline void rotate_beside(const View& v, float* y, cudaStream_t stream) {
  rotate_beside_kernel<<<264, kThreads, 0, stream>>>(v.x, y, v.count);
  AISP_CUDA(cudaGetLastError());
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) {
    auto& kept = results[v.x];
    const bool first = kept == nullptr;
    if (first) kept = std::make_unique<DeviceBuffer>(v.bytes());
    // One at a time: a call that finds the stream at work has nothing to add.
    const bool idle = cudaStreamQuery(side.stream) == cudaSuccess;
    if (idle || !kCheat) {
      side.fork(v.stream);
      rotate_beside(v, kept->template as<float>(), side.stream);
    }
    if (first || !kCheat) side.join(v.stream);
    copy(v.y, kept->template as<float>(), v);
  }
  Side side;
  std::map<const float*, std::unique_ptr<DeviceBuffer>> results;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::works_ahead
