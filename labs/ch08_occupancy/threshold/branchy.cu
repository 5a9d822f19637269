// An if around the work: a warp whose lanes disagree runs both sides, one after the other. One
// element a thread. The silu behind the branch is a real branch: it has a division and an
// exponential of a dozen instructions, which the compiler does not predicate.
#include "labs/ch08_occupancy/threshold/activation.h"

namespace aisp::labs::ch08::threshold {
namespace {

constexpr int kThreads = 256;

__global__ void apply(const float* __restrict__ x, float* __restrict__ out, std::int64_t n) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= n) return;
  const float value = x[i];
  if (fabsf(value) > kThreshold) {
    out[i] = silu(value);
  } else {
    out[i] = 0.0f;
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_branchy(const bench::Params& params) {
  const std::int64_t n = params["n"];
  return bench::plan_of([=](const bench::Io& io) {
    apply<<<static_cast<unsigned>((n + kThreads - 1) / kThreads), kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.out<float>(0).data(), n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::threshold
