// A block for each row; maximum and sum in one online pass, results in a second: the row is read
// twice, at the price of a second exponential for every element.
// Source: Milakov and Gimelshein (2018), algorithm 3.
#include "labs/ch09_fusion/online_softmax/device_rows.h"
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {
namespace {

__global__ void softmax(const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
                        std::int64_t n) {
  const float* row = x + blockIdx.x * n;
  MaxAndSum all;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) all.add(row[i]);
  all = over_block(all);
  const float factor = 1.0f / all.sum;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    y[blockIdx.x * n + i] = expf(row[i] - all.max) * factor;
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_online_block(const bench::Params& params) {
  return plan_row_kernel(params, softmax, params["n"] > 2048 ? 1024 : 256, 1);
}

}  // namespace aisp::labs::ch09::online_softmax
