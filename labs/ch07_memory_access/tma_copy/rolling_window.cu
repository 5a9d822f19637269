// A thread for each channel walks along 256 tokens with the last three inputs in registers: each
// input is loaded once. Eight loads are on their way before the first is used.
#include "labs/ch07_memory_access/tma_copy/window.cuh"

namespace aisp::labs::ch07::tma_copy {
namespace {

constexpr int kThreads = 128;
constexpr int kAhead = 8;  // 8 x 4 bytes x 1024 threads: 32 KB on the way to a multiprocessor

__global__ void __launch_bounds__(kThreads) convolve(Conv conv) {
  const std::int64_t channel = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (channel >= conv.channels) return;
  const std::int64_t first = blockIdx.y * kRun, last = min(first + kRun, conv.tokens);
  Window window;
  window.begin(conv, first, channel);
  std::int64_t t = first;
  for (; t + kAhead <= last; t += kAhead) {
    float x[kAhead];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) x[k] = conv.x[(t + k) * conv.channels + channel];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      conv.out[(t + k) * conv.channels + channel] = window.step(x[k]);
    }
  }
  for (; t < last; ++t) {
    conv.out[t * conv.channels + channel] = window.step(conv.x[t * conv.channels + channel]);
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_rolling_window(const bench::Params& params) {
  return bench::plan_of([params](const bench::Io& io) {
    const Conv conv = conv_of(io, params);
    const dim3 blocks(static_cast<unsigned>((conv.channels + kThreads - 1) / kThreads),
                      static_cast<unsigned>((conv.tokens + kRun - 1) / kRun));
    convolve<<<blocks, kThreads, 0, io.stream()>>>(conv);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::tma_copy
