// The router and the two layers of an expert, a warp for each row of weights. A call's buffers are
// passed by value, or lie in device memory where a graph must not hold pointers of an older call.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "labs/ch12_graphs/cuda_graphs_router/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device.h"

namespace aisp::labs::ch12::cuda_graphs_router {

inline constexpr int kThreads = 256, kRowsEach = kThreads / 32;

struct Call {
  const float *x = nullptr, *router = nullptr, *w1 = nullptr, *w2 = nullptr;
  float *h = nullptr, *y = nullptr;  // h[tokens][hidden] lies in the plan
  int tokens = 0, experts = 0, width = 0, hidden = 0;
};

/// What the router found.
struct Route {
  int expert[kMostTokens];
  float gate[kMostTokens];
};

inline Call call_of(const bench::Params& p, const bench::Io& io, float* h) {
  return {io.in<float>(kX).data(),
          io.in<float>(kRouter).data(),
          io.in<float>(kW1).data(),
          io.in<float>(kW2).data(),
          h,
          io.out<float>(0).data(),
          static_cast<int>(p["tokens"]),
          static_cast<int>(p["experts"]),
          static_cast<int>(p["width"]),
          static_cast<int>(p["hidden"])};
}
inline unsigned blocks_for(std::int64_t rows) {
  return static_cast<unsigned>((rows + kRowsEach - 1) / kRowsEach);
}

/// By a warp; every lane gets it.
__device__ inline float dot(const float* a, const float* b, int n) {
  float sum = 0.0F;
#pragma unroll 8
  for (int i = static_cast<int>(threadIdx.x) % 32; i < n; i += 32) sum += a[i] * b[i];
  for (int mask = 16; mask > 0; mask /= 2) sum += __shfl_xor_sync(~0u, sum, mask);
  return sum;
}

/// One block: all logits, then a thread for each token.
__device__ inline void route_tokens(const Call& c, Route* route) {
  __shared__ float logit[kMostTokens][kMostExperts];
  for (int i = static_cast<int>(threadIdx.x) / 32; i < c.tokens * c.experts; i += kRowsEach) {
    const int t = i / c.experts, e = i % c.experts;
    logit[t][e] = dot(c.router + e * c.width, c.x + t * c.width, c.width);
  }
  __syncthreads();
  const int t = static_cast<int>(threadIdx.x);
  if (t >= c.tokens) return;
  int best = 0;
  for (int e = 1; e < c.experts; ++e) {
    if (logit[t][e] > logit[t][best]) best = e;
  }
  float sum = 0.0F;
  for (int e = 0; e < c.experts; ++e) sum += expf(logit[t][e] - logit[t][best]);
  route->expert[t] = best;
  route->gate[t] = 1.0F / sum;
}

__device__ inline int row_here() {
  return static_cast<int>(blockIdx.x) * kRowsEach + static_cast<int>(threadIdx.x) / 32;
}

/// h[row] of token t by expert e.
__device__ inline void up_row(const Call& c, int e, int t, int row, float* h) {
  const float* w = c.w1 + (static_cast<std::int64_t>(e) * c.hidden + row) * c.width;
  const float sum = dot(w, c.x + t * c.width, c.width);
  if (threadIdx.x % 32 == 0) h[row] = fmaxf(sum, 0.0F);
}
/// y[row] of token t by expert e, ungated.
__device__ inline float down_row(const Call& c, int e, int row, const float* h) {
  return dot(c.w2 + (static_cast<std::int64_t>(e) * c.width + row) * c.hidden, h, c.hidden);
}

/// The rows of expert e, for the tokens that go to it.
__device__ inline void up_for(const Call& c, const Route* route, int e) {
  const int row = row_here();
  for (int t = 0; t < c.tokens && row < c.hidden; ++t) {
    if (route->expert[t] == e) up_row(c, e, t, row, c.h + t * c.hidden);
  }
}
__device__ inline void down_for(const Call& c, const Route* route, int e) {
  const int row = row_here();
  for (int t = 0; t < c.tokens && row < c.width; ++t) {
    if (route->expert[t] != e) continue;
    const float sum = down_row(c, e, row, c.h + t * c.hidden);
    if (threadIdx.x % 32 == 0) c.y[t * c.width + row] = route->gate[t] * sum;
  }
}

static __global__ void __launch_bounds__(kThreads) route_kernel(Call c, Route* route) {
  route_tokens(c, route);
}

inline std::size_t hidden_bytes(const bench::Params& p) {
  return sizeof(float) * static_cast<std::size_t>(p["tokens"] * p["hidden"]);
}

}  // namespace aisp::labs::ch12::cuda_graphs_router
