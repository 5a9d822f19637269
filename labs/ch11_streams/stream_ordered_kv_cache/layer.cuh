// What is done for one layer: copy its rows in, write them into the cache, attend.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "base/check.h"
#include "labs/ch11_streams/stream_ordered_kv_cache/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device.h"

namespace aisp::labs::ch11::stream_ordered_kv_cache {

inline constexpr int kThreads = 256;
inline constexpr int kMaxTokens = 8192;  // scores of one head in shared memory: 32 KB

struct Sizes {
  std::int64_t layers = 0;
  int heads = 0, tokens = 0, D = 0;
  explicit Sizes(const bench::Params& p)
      : layers(p["layers"]),
        heads(static_cast<int>(p["heads"])),
        tokens(static_cast<int>(p["tokens"])),
        D(static_cast<int>(p["D"])) {
    check(tokens <= kMaxTokens && D <= kThreads, "attention of this lab is for short rows");
  }
  std::int64_t layer_values() const { return std::int64_t{2} * heads * tokens * D; }
  std::size_t layer_bytes() const { return 4 * static_cast<std::size_t>(layer_values()); }
};

/// cache[which][head][token][d] = rows[which][token][head][d]; one block a row of D.
static __global__ void update_kernel(const float* rows, float* cache, Sizes s) {
  const unsigned row = blockIdx.x;
  const unsigned head = row % s.heads, token = row / s.heads % s.tokens;
  const unsigned which = row / s.heads / s.tokens;
  const std::int64_t to =
      (static_cast<std::int64_t>(which * s.heads + head) * s.tokens + token) * s.D;
  for (int d = threadIdx.x; d < s.D; d += blockDim.x) {
    cache[to + d] = rows[static_cast<std::int64_t>(row) * s.D + d];
  }
}

/// Reduces over a block of kThreads threads; the result in every thread.
template <class Combine>
__device__ float block_reduce(float value, Combine combine, float* partial) {
  for (int step = 16; step > 0; step /= 2) {
    value = combine(value, __shfl_xor_sync(~0u, value, step));
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  value = partial[threadIdx.x % (kThreads / 32)];
  for (int step = kThreads / 64; step > 0; step /= 2) {
    value = combine(value, __shfl_xor_sync(~0u, value, step));
  }
  return value;
}

/// One query against its head's cache; a block a head, a warp a token for the scores.
static __global__ void __launch_bounds__(kThreads)
    attention_kernel(const float* q, const float* cache, float* o, Sizes s) {
  extern __shared__ float shared[];  // scores[tokens], then the sums of kThreads / D groups
  __shared__ float partial[kThreads / 32];
  const int head = static_cast<int>(blockIdx.x), lane = threadIdx.x % 32;
  const std::int64_t size = static_cast<std::int64_t>(s.tokens) * s.D;
  const float* key = cache + head * size;
  const float* value = cache + (s.heads + head) * size;
  const float factor = rsqrtf(static_cast<float>(s.D));
  float largest = -INFINITY;
  for (int t = threadIdx.x / 32; t < s.tokens; t += kThreads / 32) {
    float sum = 0.0F;
    for (int d = lane; d < s.D; d += 32) sum += q[head * s.D + d] * key[t * s.D + d];
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
    if (lane == 0) shared[t] = sum * factor;
    largest = fmaxf(largest, sum * factor);
  }
  largest = block_reduce(
      largest, [](float a, float b) { return fmaxf(a, b); }, partial);
  float total = 0.0F;
  for (int t = threadIdx.x; t < s.tokens; t += kThreads) {
    shared[t] = expf(shared[t] - largest);
    total += shared[t];
  }
  total = block_reduce(
      total, [](float a, float b) { return a + b; }, partial);
  const int groups = kThreads / s.D, group = threadIdx.x / s.D, d = threadIdx.x % s.D;
  float* sums = shared + s.tokens;
  float sum = 0.0F;
  if (group < groups) {
    for (int t = group; t < s.tokens; t += groups) sum += shared[t] * value[t * s.D + d];
    sums[threadIdx.x] = sum;
  }
  __syncthreads();
  if (group != 0) return;
  for (int other = 1; other < groups; ++other) sum += sums[other * s.D + d];
  o[head * s.D + d] = sum / total;
}

inline void copy_rows(const bench::Io& io, const Sizes& s, std::int64_t layer, float* staging,
                      cudaStream_t stream) {
  AISP_CUDA(cudaMemcpyAsync(staging, io.in<float>(0).data() + layer * s.layer_values(),
                            s.layer_bytes(), cudaMemcpyHostToDevice, stream));
}
inline void update_cache(const bench::Io& io, const Sizes& s, std::int64_t layer,
                         const float* staging, cudaStream_t stream) {
  const auto rows = static_cast<unsigned>(2 * s.heads * s.tokens);
  update_kernel<<<rows, 64, 0, stream>>>(staging,
                                         io.out<float>(0).data() + layer * s.layer_values(), s);
  AISP_CUDA(cudaGetLastError());
}
inline void attend(const bench::Io& io, const Sizes& s, std::int64_t layer, cudaStream_t stream) {
  const std::int64_t at = layer * s.heads * s.D;
  const auto shared_bytes = static_cast<unsigned>(4 * (s.tokens + kThreads));
  attention_kernel<<<static_cast<unsigned>(s.heads), kThreads, shared_bytes, stream>>>(
      io.in<float>(1).data() + at, io.out<float>(0).data() + layer * s.layer_values(),
      io.out<float>(1).data() + at, s);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::labs::ch11::stream_ordered_kv_cache
