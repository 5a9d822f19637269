// No shared memory: 16 bytes straight from one matrix to the other, four on their way in a thread.
#include "labs/ch07_memory_access/tma_bulk_tensor_2d/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::tma_bulk_tensor_2d {
namespace {

constexpr int kThreads = 256, kEach = 4;

// Block y copies row y; block x 1024 vectors of it.
__global__ void __launch_bounds__(kThreads) copy(Slice slice) {
  const auto* from = reinterpret_cast<const float4*>(slice.in + blockIdx.y * slice.stride);
  auto* to = reinterpret_cast<float4*>(slice.out + blockIdx.y * slice.cols);
  const std::int64_t first = std::int64_t{blockIdx.x} * (kThreads * kEach) + threadIdx.x;
  float4 word[kEach];
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    if (first + i * kThreads < slice.cols / 4) word[i] = from[first + i * kThreads];
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    if (first + i * kThreads < slice.cols / 4) to[first + i * kThreads] = word[i];
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_direct_float4(const bench::Params& params) {
  return bench::plan_of([params](const bench::Io& io) {
    const Slice slice = slice_of(io, params);
    constexpr std::int64_t kBlock = kThreads * kEach * 4;
    const dim3 blocks(static_cast<unsigned>((slice.cols + kBlock - 1) / kBlock),
                      static_cast<unsigned>(slice.rows));
    copy<<<blocks, kThreads, 0, io.stream()>>>(slice);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::tma_bulk_tensor_2d
