// The device baseline: a thread for each output loads its four neighbours. Each input is asked for
// four times; the caches answer three of them.
// Source: A. Gu, T. Dao, "Mamba" (2023): the reference convolution; Dao-AILab/causal-conv1d,
// csrc/causal_conv1d_fwd.cu, does better.
#include "labs/ch07_memory_access/tma_copy/window.cuh"

namespace aisp::labs::ch07::tma_copy {
namespace {

constexpr int kThreads = 256;

__global__ void convolve(Conv conv) {
  const std::int64_t channel = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const std::int64_t token = blockIdx.y;
  if (channel >= conv.channels) return;
  Window window;
  window.begin(conv, token, channel);
  const std::int64_t at = token * conv.channels + channel;
  conv.out[at] = window.step(conv.x[at]);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_four_loads(const bench::Params& params) {
  return bench::plan_of([params](const bench::Io& io) {
    const Conv conv = conv_of(io, params);
    const dim3 blocks(static_cast<unsigned>((conv.channels + kThreads - 1) / kThreads),
                      static_cast<unsigned>(conv.tokens));
    convolve<<<blocks, kThreads, 0, io.stream()>>>(conv);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::tma_copy
