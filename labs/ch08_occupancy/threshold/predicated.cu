// Both sides computed, then a select: no warp ever diverges, and closed elements cost as much as
// open ones. One element a thread, as branchy.
#include "labs/ch08_occupancy/threshold/activation.h"

namespace aisp::labs::ch08::threshold {
namespace {

constexpr int kThreads = 256;

__global__ void apply(const float* __restrict__ x, float* __restrict__ out, std::int64_t n) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < n) out[i] = activate(x[i]);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_predicated(const bench::Params& params) {
  const std::int64_t n = params["n"];
  return bench::plan_of([=](const bench::Io& io) {
    apply<<<static_cast<unsigned>((n + kThreads - 1) / kThreads), kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.out<float>(0).data(), n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::threshold
