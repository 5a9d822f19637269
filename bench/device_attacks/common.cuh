// The operation of the planted attacks as device code, and the plans around an Attack<bool kCheat>.
// See common.h.
#pragma once

#include <cuda_runtime.h>

#include <map>

#include "bench/device_attacks/common.h"
#include "machine/cuda_raii.h"

namespace aisp::device_attacks {

using machine::DeviceBuffer;
using machine::Event;
using machine::Stream;

constexpr int kThreads = 256;

/// The buffers of one call.
struct View {
  const float* x;
  float* y;
  std::int64_t count;
  cudaStream_t stream;
  std::size_t bytes() const { return static_cast<std::size_t>(count) * sizeof(float); }
  int blocks() const { return static_cast<int>((count + kThreads - 1) / kThreads); }
};

inline View view(const Io& io) {
  const auto y = io.out<float>(0);
  return {io.in<float>(0).data(), y.data(), static_cast<std::int64_t>(y.size()), io.stream()};
}

__device__ inline std::int64_t element() {
  return std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
}

__device__ inline float rotated(float x, int turns = kTurns) {
  const float c = 0.99875026F, s = 0.04997917F;  // of kAngle
  float a = fabsf(x), b = 1.0F;
  for (int turn = 0; turn < turns; ++turn) {
    const float next = a * c - b * s;
    b = a * s + b * c;
    a = next;
  }
  return a;
}

/// The operation on elements below `until`.
static __global__ void rotate_kernel(const float* x, float* y, std::int64_t until) {
  if (element() < until) y[element()] = rotated(x[element()]);
}

inline void rotate(const View& v, cudaStream_t stream) {
  rotate_kernel<<<v.blocks(), kThreads, 0, stream>>>(v.x, v.y, v.count);
  AISP_CUDA(cudaGetLastError());
}
inline void rotate(const View& v) { rotate(v, v.stream); }

inline void copy(float* to, const float* from, const View& v) {
  AISP_CUDA(cudaMemcpyAsync(to, from, v.bytes(), cudaMemcpyDeviceToDevice, v.stream));
}

/// A stream of a technique's own.
struct Side {
  /// Its work begins when the call's stream gets there.
  void fork(cudaStream_t from) const {
    AISP_CUDA(cudaEventRecord(begun, from));
    AISP_CUDA(cudaStreamWaitEvent(stream, begun, 0));
  }
  /// The call's stream waits for what it has so far.
  void join(cudaStream_t to) const {
    AISP_CUDA(cudaEventRecord(done, stream));
    AISP_CUDA(cudaStreamWaitEvent(to, done, 0));
  }
  Stream stream;
  Event begun, done;
};

/// A sum over the block that every thread gets. For up to 1024 threads.
__device__ inline unsigned block_sum(unsigned value) {
  __shared__ unsigned sum;
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  atomicAdd(&sum, value);
  __syncthreads();
  return sum;
}

/// Of a float and its place, for fingerprints of contents.
__device__ inline unsigned mixed(float value) {
  unsigned x = __float_as_uint(value) * 0x9e3779b9u + static_cast<unsigned>(element());
  x ^= x >> 15;
  x *= 0x85ebca6bu;
  return x ^ (x >> 13);
}

/// An Attack<> is a plan of its own or a body called with the buffers of each call.
template <class Attack>
std::unique_ptr<bench::Plan> make_plan(const Params& params) {
  if constexpr (std::is_base_of_v<bench::Plan, Attack>) {
    return std::make_unique<Attack>(params);
  } else {
    return bench::plan_of(
        [attack = std::make_unique<Attack>(params)](const Io& io) { (*attack)(view(io)); });
  }
}

inline std::unique_ptr<bench::Plan> plan_plain(const Params&) {
  return bench::plan_of([](const Io& io) { rotate(view(io)); });
}

template <template <bool> class Attack>
Plans plans_of() {
  return {plan_plain, make_plan<Attack<true>>, make_plan<Attack<false>>};
}

}  // namespace aisp::device_attacks
