// The sum in chunks of 4096 elements, a kernel launch for each, which adds its chunk to the total:
// what a loop over slices of a tensor puts on the stream (the book's first version).
#include <algorithm>

#include "labs/ch05_storage/vectorization/blocks_sum.cuh"

namespace aisp::labs::ch05::vectorization {
namespace {

constexpr std::int64_t kChunk = 4096;

__global__ void add_chunk(const float* x, std::int64_t n, float* total, bool first) {
  float sum = 0.0F;
  for (std::int64_t i = threadIdx.x; i < n; i += kThreads) sum += x[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *total = first ? sum : *total + sum;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_chunk_launches(const bench::Params& params) {
  return bench::plan_of([n = params["n"]](const bench::Io& io) {
    const float* x = io.in<float>(0).data();
    for (std::int64_t at = 0; at < n; at += kChunk) {
      add_chunk<<<1, kThreads, 0, io.stream()>>>(x + at, std::min(kChunk, n - at),
                                                 io.out<float>(0).data(), at == 0);
    }
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch05::vectorization
