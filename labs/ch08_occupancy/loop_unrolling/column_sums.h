// For .cu files: the launches around a loop over rows that a technique provides.
#pragma once

#include <memory>

#include "bench/lab.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch08::loop_unrolling {

/// Sums x[0], x[stride], ... of `count` rows: what a technique is.
/// `Loop` is a struct with `static __device__ float sum(const float* x, int64 count, int64
/// stride)`.
template <class Loop>
__global__ void sum_chunk(const float* __restrict__ x, float* __restrict__ partial,
                          std::int64_t rows, std::int64_t n, std::int64_t chunk_rows) {
  const std::int64_t column = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (column >= n) return;
  const std::int64_t from = blockIdx.y * chunk_rows;
  const std::int64_t count = rows - from < chunk_rows ? rows - from : chunk_rows;
  partial[blockIdx.y * n + column] = Loop::sum(x + from * n + column, count, n);
}

/// out[c] = partial[0][c] + partial[1][c] + ...
template <class Loop>
__global__ void sum_chunks(const float* __restrict__ partial, float* __restrict__ out,
                           std::int64_t n, int chunks) {
  const std::int64_t column = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (column >= n) return;
  float sum = 0.0f;
  for (int chunk = 0; chunk < chunks; ++chunk) sum += partial[chunk * n + column];
  out[column] = sum;
}

template <class Loop>
std::unique_ptr<bench::Plan> plan_columns(const bench::Params& params) {
  constexpr int kThreads = 128;  // 8192 columns are 64 blocks a chunk
  const std::int64_t rows = params["rows"], n = params["n"];
  const std::int64_t chunk_rows = (rows + params["chunks"] - 1) / params["chunks"];
  const auto chunks = static_cast<unsigned>((rows + chunk_rows - 1) / chunk_rows);
  const auto blocks = static_cast<unsigned>((n + kThreads - 1) / kThreads);
  auto partial = std::make_shared<machine::DeviceBuffer>(chunks * n * sizeof(float));
  return bench::plan_of([=](const bench::Io& io) {
    sum_chunk<Loop><<<dim3(blocks, chunks), kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), partial->as<float>(), rows, n, chunk_rows);
    sum_chunks<Loop><<<blocks, kThreads, 0, io.stream()>>>(
        partial->as<float>(), io.out<float>(0).data(), n, static_cast<int>(chunks));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::loop_unrolling
