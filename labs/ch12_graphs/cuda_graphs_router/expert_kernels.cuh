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

/// The products of one row of weights with the vectors x[t] (distance `stride`) of the kCount
/// lowest tokens of `left`, which loses them. Without branches in the loop, so that loads run
/// ahead.
template <int kCount, class Store>
__device__ void some_dots(const float* w, const float* x, int stride, int n, unsigned& left,
                          Store store) {
  int token[kCount];
  float sum[kCount] = {};
#pragma unroll
  for (int k = 0; k < kCount; ++k) {
    token[k] = __ffs(static_cast<int>(left)) - 1;
    left &= left - 1;
  }
#pragma unroll 8
  for (int i = static_cast<int>(threadIdx.x) % 32; i < n; i += 32) {
    const float weight = w[i];
#pragma unroll
    for (int k = 0; k < kCount; ++k) sum[k] += weight * x[token[k] * stride + i];
  }
#pragma unroll
  for (int k = 0; k < kCount; ++k) {
    for (int mask = 16; mask > 0; mask /= 2) sum[k] += __shfl_xor_sync(~0u, sum[k], mask);
    if (threadIdx.x % 32 == 0) store(token[k], sum[k]);
  }
}
/// The same for all tokens of the mask; the row is read once for four of them. `store(t, product)`
/// is called by one lane.
template <class Store>
__device__ void dots(const float* w, const float* x, int stride, int n, unsigned tokens,
                     Store store) {
  while (tokens != 0) {
    if (__popc(tokens) >= 4) {
      some_dots<4>(w, x, stride, n, tokens, store);
    } else if (__popc(tokens) >= 2) {
      some_dots<2>(w, x, stride, n, tokens, store);
    } else {
      some_dots<1>(w, x, stride, n, tokens, store);
    }
  }
}

/// One block: all logits, then a thread for each token.
__device__ inline void route_tokens(const Call& c, Route* route) {
  __shared__ float logit[kMostTokens][kMostExperts];
  for (int e = static_cast<int>(threadIdx.x) / 32; e < c.experts; e += kRowsEach) {
    dots(c.router + e * c.width, c.x, c.width, c.width, (1U << c.tokens) - 1,
         [&](int t, float sum) { logit[t][e] = sum; });
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

/// The tokens that go to expert e, a bit for each.
__device__ inline unsigned tokens_of(const Call& c, const Route* route, int e) {
  unsigned mask = 0;
  for (int t = 0; t < c.tokens; ++t) mask |= static_cast<unsigned>(route->expert[t] == e) << t;
  return mask;
}

__device__ inline int row_here() {
  return static_cast<int>(blockIdx.x) * kRowsEach + static_cast<int>(threadIdx.x) / 32;
}

/// h[t][row] by expert e for the tokens in the mask, and y[t][row] from it, times `gate(t)`.
__device__ inline void up_rows(const Call& c, int e, unsigned tokens, float* h) {
  const int row = row_here();
  if (row >= c.hidden) return;
  dots(c.w1 + (static_cast<std::int64_t>(e) * c.hidden + row) * c.width, c.x, c.width, c.width,
       tokens, [&](int t, float sum) { h[t * c.hidden + row] = fmaxf(sum, 0.0F); });
}
template <class Gate>
__device__ void down_rows(const Call& c, int e, unsigned tokens, const float* h, float* y,
                          Gate gate) {
  const int row = row_here();
  if (row >= c.width) return;
  dots(c.w2 + (static_cast<std::int64_t>(e) * c.width + row) * c.hidden, h, c.hidden, c.hidden,
       tokens, [&](int t, float sum) { y[t * c.width + row] = gate(t) * sum; });
}

/// The rows of expert e, for the tokens that go to it.
__device__ inline void up_for(const Call& c, const Route* route, int e) {
  up_rows(c, e, tokens_of(c, route, e), c.h);
}
__device__ inline void down_for(const Call& c, const Route* route, int e) {
  down_rows(c, e, tokens_of(c, route, e), c.h, c.y, [&](int t) { return route->gate[t]; });
}

static __global__ void __launch_bounds__(kThreads) route_kernel(Call c, Route* route) {
  route_tokens(c, route);
}

inline std::size_t output_bytes(const bench::Params& p) {
  return sizeof(float) * static_cast<std::size_t>(p["tokens"] * p["width"]);
}
inline std::size_t hidden_bytes(const bench::Params& p) {
  return sizeof(float) * static_cast<std::size_t>(p["tokens"] * p["hidden"]);
}

}  // namespace aisp::labs::ch12::cuda_graphs_router
