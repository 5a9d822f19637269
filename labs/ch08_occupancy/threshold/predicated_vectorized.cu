// Predicated, two loads of 16 bytes a thread in flight: 64 KB a multiprocessor, where latency asks
// for 22.
#include "labs/ch08_occupancy/threshold/activation.h"

namespace aisp::labs::ch08::threshold {
namespace {

constexpr int kThreads = 256;
constexpr int kVectors = 2;  // a thread

__global__ void apply(const float* __restrict__ x, float* __restrict__ out, std::int64_t n) {
  const std::int64_t first = std::int64_t{blockIdx.x} * kThreads * kVectors + threadIdx.x;
  const std::int64_t vectors = n / 4;
  float4 value[kVectors];
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const std::int64_t i = first + v * kThreads;
    if (i < vectors) value[v] = reinterpret_cast<const float4*>(x)[i];
  }
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const std::int64_t i = first + v * kThreads;
    if (i < vectors) reinterpret_cast<float4*>(out)[i] = activate(value[v]);
  }
  if (first < n % 4) out[4 * vectors + first] = activate(x[4 * vectors + first]);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_predicated_vectorized(const bench::Params& params) {
  const std::int64_t n = params["n"];
  constexpr std::int64_t kBlock = 4 * kVectors * kThreads;
  return bench::plan_of([=](const bench::Io& io) {
    apply<<<static_cast<unsigned>((n + kBlock - 1) / kBlock), kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.out<float>(0).data(), n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::threshold
