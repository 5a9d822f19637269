// The online form with a warp for each row: no barrier of a block, eight rows a block. For rows of
// some hundred elements; a row of 128,256 keeps a warp busy for 4008 steps.
#include "labs/ch09_fusion/online_softmax/device_rows.h"
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {
namespace {

constexpr int kWarps = 8;

__global__ void softmax(const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
                        std::int64_t n) {
  const std::int64_t r = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  if (r >= rows) return;
  MaxAndSum all;
  for (std::int64_t i = threadIdx.x % 32; i < n; i += 32) all.add(x[r * n + i]);
  all = over_warp(all);
  const float factor = 1.0f / all.sum;
  for (std::int64_t i = threadIdx.x % 32; i < n; i += 32) {
    y[r * n + i] = expf(x[r * n + i] - all.max) * factor;
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_online_warp(const bench::Params& params) {
  return plan_row_kernel(params, softmax, 32 * kWarps, kWarps);
}

}  // namespace aisp::labs::ch09::online_softmax
