// A block for each row, three passes as in the formula: the largest element, the sum of the
// exponentials, the results. The row is read three times; from L2 the second and third time, if it
// stays there.
#include "labs/ch09_fusion/online_softmax/device_rows.h"
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {
namespace {

__global__ void softmax(const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
                        std::int64_t n) {
  const float* row = x + blockIdx.x * n;
  MaxAndSum largest, all;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    largest.max = fmaxf(largest.max, row[i]);
  }
  all.max = over_block(largest).max;
  __syncthreads();  // the shared memory of over_block is used again
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    all.sum += row[i] == kNothing ? 0.0f : expf(row[i] - all.max);
  }
  all = over_block(all);
  const float factor = 1.0f / all.sum;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    y[blockIdx.x * n + i] = expf(row[i] - all.max) * factor;
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_three_pass_block(const bench::Params& params) {
  return plan_row_kernel(params, softmax, params["n"] > 2048 ? 1024 : 256, 1);
}

}  // namespace aisp::labs::ch09::online_softmax
