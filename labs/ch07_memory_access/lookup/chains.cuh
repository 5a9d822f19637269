// Walks along chains on the GPU, kWays of them woven together in each thread.
#pragma once

#include "labs/ch07_memory_access/lookup/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::lookup {

inline constexpr unsigned kThreads = 256;

/// A node by one instruction of 16 bytes.
__device__ inline Node load_node(const Node* node) {
  const int4 words = *reinterpret_cast<const int4*>(node);
  Node loaded;
  loaded.id = static_cast<std::int64_t>(static_cast<std::uint32_t>(words.x)) |
              static_cast<std::int64_t>(words.y) << 32;
  loaded.row = words.z;
  loaded.next = words.w;
  return loaded;
}

/// Thread t looks up ids t, t + threads, ...: kWays of them, each step of all before the next.
template <int kWays>
__global__ void find_rows(Batch batch) {
  const std::size_t threads = std::size_t{gridDim.x} * kThreads;
  const std::size_t first = std::size_t{blockIdx.x} * kThreads + threadIdx.x;
  std::int64_t id[kWays];
  std::int32_t at[kWays], row[kWays];
#pragma unroll
  for (int w = 0; w < kWays; ++w) {
    const std::size_t i = first + w * threads;
    id[w] = i < batch.count ? batch.ids[i] : 0;
  }
#pragma unroll
  for (int w = 0; w < kWays; ++w) {
    row[w] = -1;
    at[w] = first + w * threads < batch.count ? batch.heads[batch.bucket_of(id[w])] : -1;
  }
  for (bool any = true; any;) {
    Node node[kWays];
#pragma unroll
    for (int w = 0; w < kWays; ++w) {
      if (at[w] >= 0) node[w] = load_node(batch.nodes + at[w]);
    }
    any = false;
#pragma unroll
    for (int w = 0; w < kWays; ++w) {
      if (at[w] < 0) continue;
      const bool found = node[w].id == id[w];
      if (found) row[w] = node[w].row;
      at[w] = found ? -1 : node[w].next;
      any = any || at[w] >= 0;
    }
  }
#pragma unroll
  for (int w = 0; w < kWays; ++w) {
    if (first + w * threads < batch.count) batch.rows[first + w * threads] = row[w];
  }
}

template <int kWays>
std::unique_ptr<bench::Plan> plan_chains(const bench::Params&) {
  return bench::plan_of([](const bench::Io& io) {
    const Batch batch = batch_of(io);
    constexpr std::size_t kBlock = kThreads * kWays;
    find_rows<kWays>
        <<<static_cast<unsigned>((batch.count + kBlock - 1) / kBlock), kThreads, 0, io.stream()>>>(
            batch);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::lookup
