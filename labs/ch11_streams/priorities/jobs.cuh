// The two jobs, and both of them on a stream each.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "labs/ch11_streams/priorities/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device.h"
#include "machine/joined_streams.h"

namespace aisp::labs::ch11::priorities {

inline constexpr int kThreads = 256;

static __global__ void __launch_bounds__(kThreads)
    bulk_kernel(const float* x, float* b, std::int64_t n, int rounds) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= n) return;
  const float add = x[i];
  float value = 0.0F;
#pragma unroll 8
  for (int round = 0; round < rounds; ++round) value = fmaf(kDecay, value, add);
  b[i] = value;
}

static __global__ void __launch_bounds__(kThreads)
    step_kernel(const float* from, float* to, std::int64_t width) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < width) to[i] = 0.5F * (from[i] + from[i + 1 < width ? i + 1 : 0]);
}

inline unsigned blocks_of(std::int64_t n) {
  return static_cast<unsigned>((n + kThreads - 1) / kThreads);
}

inline void enqueue_bulk(const bench::Params& params, const bench::Io& io, cudaStream_t stream) {
  const auto n = params["bulk"];
  bulk_kernel<<<blocks_of(n), kThreads, 0, stream>>>(
      io.in<float>(0).data(), io.out<float>(0).data(), n, static_cast<int>(params["rounds"]));
  AISP_CUDA(cudaGetLastError());
}

/// The chain alternates between the output and a buffer, and ends in the output.
class Chain {
 public:
  explicit Chain(const bench::Params& params)
      : width_(params["width"]),
        steps_(params["steps"]),
        other_(4 * static_cast<std::size_t>(params["width"])) {}

  void enqueue(const bench::Io& io, cudaStream_t stream) const {
    const float* from = io.in<float>(1).data();
    for (std::int64_t step = 0; step < steps_; ++step) {
      float* to = (steps_ - step) % 2 == 1 ? io.out<float>(1).data() : other_.as<float>();
      step_kernel<<<blocks_of(width_), kThreads, 0, stream>>>(from, to, width_);
      AISP_CUDA(cudaGetLastError());
      from = to;
    }
  }

 private:
  std::int64_t width_, steps_;
  machine::DeviceArray other_;
};

/// Both jobs, bulk on streams[0] and the chain on streams[1].
inline std::unique_ptr<bench::Plan> plan_pair(const bench::Params& params, int chain_priority,
                                              bool chain_first) {
  return bench::plan_of([params, chain_first, chain = Chain(params),
                         streams = std::make_unique<machine::JoinedStreams>(
                             std::vector<int>{0, chain_priority})](const bench::Io& io) {
    streams->fork(io.stream());
    if (chain_first) chain.enqueue(io, (*streams)[1]);
    enqueue_bulk(params, io, (*streams)[0]);
    if (!chain_first) chain.enqueue(io, (*streams)[1]);
    streams->join(io.stream());
  });
}

}  // namespace aisp::labs::ch11::priorities
