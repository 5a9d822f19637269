// One kernel for all tensors: a list of chunks of at most 16 KiB lies in device memory, made when
// planning, since offsets do not change; block b copies chunk b, 16 bytes a thread where both ends
// are aligned. Apex's and PyTorch's multi-tensor kernels work the same way.
// Source: NVIDIA Apex, csrc/multi_tensor_apply.cuh.
#include <algorithm>

#include "labs/ch12_graphs/graph_bandwidth/copies.cuh"
#include "machine/device.h"

namespace aisp::labs::ch12::graph_bandwidth {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kChunk = 4096;  // floats: 4 accesses of 16 bytes in flight a thread

__global__ void __launch_bounds__(kThreads)
    gather_kernel(const float* gradients, float* bucket, const Piece* chunks) {
  const Piece chunk = chunks[blockIdx.x];
  const float* from = gradients + chunk.from;
  float* to = bucket + chunk.to;
  const bool aligned = reinterpret_cast<std::uintptr_t>(from) % 16 == 0 &&
                       reinterpret_cast<std::uintptr_t>(to) % 16 == 0;
  if (aligned && chunk.count == kChunk) {
    float4 hold[kChunk / (4 * kThreads)];
#pragma unroll
    for (int k = 0; k < kChunk / (4 * kThreads); ++k) {
      hold[k] = reinterpret_cast<const float4*>(from)[threadIdx.x + k * kThreads];
    }
#pragma unroll
    for (int k = 0; k < kChunk / (4 * kThreads); ++k) {
      reinterpret_cast<float4*>(to)[threadIdx.x + k * kThreads] = hold[k];
    }
    return;
  }
  for (std::int64_t i = threadIdx.x; i < chunk.count; i += kThreads) to[i] = from[i];
}

}  // namespace

std::unique_ptr<bench::Plan> plan_one_kernel(const bench::Params& params) {
  std::vector<Piece> chunks;
  for (const Piece& piece : pieces(params)) {
    for (std::int64_t at = 0; at < piece.count; at += kChunk) {
      chunks.push_back({piece.from + at, piece.to + at, std::min(kChunk, piece.count - at)});
    }
  }
  const auto blocks = static_cast<unsigned>(chunks.size());
  machine::DeviceArray list{std::span<const Piece>(chunks)};
  return bench::plan_of([list = std::move(list), blocks](const bench::Io& io) {
    gather_kernel<<<blocks, kThreads, 0, io.stream()>>>(io.in<float>(0).data(),
                                                        io.out<float>(0).data(), list.as<Piece>());
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::graph_bandwidth
