// The whole expression in one kernel, one element a thread.
#include "labs/ch09_fusion/fused_l2norm/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch09::fused_l2norm {
namespace {

constexpr int kThreads = 256;

__global__ void norm(const float* __restrict__ x, const float* __restrict__ y,
                     float* __restrict__ out, std::int64_t n) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < n) out[i] = sqrtf(x[i] * x[i] + y[i] * y[i]);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_one_kernel(const bench::Params& params) {
  const std::int64_t n = params["n"];
  return bench::plan_of([=](const bench::Io& io) {
    norm<<<static_cast<unsigned>((n + kThreads - 1) / kThreads), kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch09::fused_l2norm
