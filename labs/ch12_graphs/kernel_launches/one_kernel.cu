// The whole step in one kernel. What follows the residual stream x, norms and additions, is one
// block's, with x in registers; SwiGLU depends on no x, and the other blocks do it meanwhile. What
// no launch can give: operations that hand over through registers.
#include "base/check.h"
#include "labs/ch12_graphs/kernel_launches/step_kernels.cuh"
#include "machine/device.h"

namespace aisp::labs::ch12::kernel_launches {
namespace {

constexpr int kMaxPerThread = 8;  // widths to 8192: 8 registers for x and 8 for what is added

__device__ void follow_residual(const Step& s) {
  __shared__ float partial[2][32];  // two in turn: one barrier a norm
  float x[kMaxPerThread];
  const auto element = [&](int k) {
    return threadIdx.x + static_cast<std::int64_t>(k) * kNormThreads;
  };
#pragma unroll
  for (int k = 0; k < kMaxPerThread; ++k) x[k] = element(k) < s.width ? s.x0[element(k)] : 0.0F;
  for (std::int64_t row = 0; row < 2 * s.layers; ++row) {
    const float* added = (row % 2 == 0 ? s.attention : s.down) + row / 2 * s.width;
    float squares = 0.0F, term[kMaxPerThread], weight[kMaxPerThread];
#pragma unroll
    for (int k = 0; k < kMaxPerThread; ++k) {
      const bool inside = element(k) < s.width;
      term[k] = inside ? added[element(k)] : 0.0F;
      weight[k] = inside ? s.norm[row * s.width + element(k)] : 0.0F;
      squares += x[k] * x[k];
    }
    const float mean = block_sum(squares, partial[row % 2]) / static_cast<float>(s.width);
    const float factor = 1.0F / sqrtf(mean + 1e-5F);
#pragma unroll
    for (int k = 0; k < kMaxPerThread; ++k) {
      if (element(k) < s.width) s.h[row * s.width + element(k)] = x[k] * factor * weight[k];
      x[k] += term[k];
    }
  }
#pragma unroll
  for (int k = 0; k < kMaxPerThread; ++k) {
    if (element(k) < s.width) s.x[element(k)] = x[k];
  }
}

__global__ void __launch_bounds__(kNormThreads) step_kernel(Step s) {
  if (blockIdx.x == 0) {
    follow_residual(s);
    return;
  }
  const std::int64_t n = s.layers * s.mlp;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x - 1) * kNormThreads;
  for (std::int64_t i = (blockIdx.x - 1) * static_cast<std::int64_t>(kNormThreads) + threadIdx.x;
       i < n; i += stride) {
    s.g[i] = silu_times(s.gate[i], s.up[i]);
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_one_kernel(const bench::Params& params) {
  check(params["width"] <= kMaxPerThread * kNormThreads, "one_kernel keeps x in registers");
  const auto blocks = static_cast<unsigned>(machine::cuda_device().multiprocessors);
  return bench::plan_of([params, blocks](const bench::Io& io) {
    step_kernel<<<blocks, kNormThreads, 0, io.stream()>>>(Step(params, io));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::kernel_launches
