// Segments split wherever it suits: each warp takes 1024 consecutive values, of whatever segments
// they are. One kernel adds squares to a sum for each segment, the next scales; no length matters
// any more, for a second reading of x.
#include "labs/ch12_graphs/uneven_partition/segment.cuh"

namespace aisp::labs::ch12::uneven_partition {
namespace {

constexpr std::int64_t kChunk = 1024;  // of one warp: 32 rounds; a search of 12 steps is small then

/// Calls body(segment, first, last) for each segment's part of this warp's chunk.
template <class Body>
__device__ void for_each_part(const Segments& all, Body body) {
  const std::int64_t warp = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  const std::int64_t total = all.offsets[all.count];
  const std::int64_t begin = warp * kChunk, end = min(begin + kChunk, total);
  if (begin >= end) return;
  std::int32_t low = 0, high = all.count;  // offsets[low] <= begin < offsets[high]
  while (high - low > 1) {
    const std::int32_t middle = (low + high) / 2;
    (all.offsets[middle] <= begin ? low : high) = middle;
  }
  for (std::int64_t first = begin; first < end; ++low) {
    const std::int64_t last = min(static_cast<std::int64_t>(all.offsets[low + 1]), end);
    body(low, first, last);
    first = last;
  }
}

__global__ void __launch_bounds__(kThreads) sum_kernel(Segments all, float* squares) {
  for_each_part(all, [&](std::int32_t segment, std::int64_t first, std::int64_t last) {
    float sum = 0.0F;
#pragma unroll 4
    for (std::int64_t i = first + threadIdx.x % 32; i < last; i += 32) sum += all.x[i] * all.x[i];
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
    if (threadIdx.x % 32 == 0) atomicAdd(&squares[segment], sum);
  });
}

__global__ void __launch_bounds__(kThreads) scale_kernel(Segments all, const float* squares) {
  for_each_part(all, [&](std::int32_t segment, std::int64_t first, std::int64_t last) {
    const auto n = static_cast<float>(all.offsets[segment + 1] - all.offsets[segment]);
    const float root = sqrtf(squares[segment] / n + kEpsilon);
#pragma unroll 4
    for (std::int64_t i = first + threadIdx.x % 32; i < last; i += 32) all.y[i] = all.x[i] / root;
  });
}

}  // namespace

std::unique_ptr<bench::Plan> plan_split_chunks(const bench::Params& params) {
  const auto bytes = sizeof(float) * static_cast<std::size_t>(params["segments"]);
  return bench::plan_of([params, squares = machine::DeviceArray(bytes)](const bench::Io& io) {
    const auto n = static_cast<std::int64_t>(io.in<float>(0).size());
    const std::int64_t each = kChunk * kThreads / 32;
    const auto blocks = static_cast<unsigned>((n + each - 1) / each);
    const Segments all = segments_of(params, io);
    AISP_CUDA(cudaMemsetAsync(squares.as<void>(), 0, squares.bytes(), io.stream()));
    sum_kernel<<<blocks, kThreads, 0, io.stream()>>>(all, squares.as<float>());
    AISP_CUDA(cudaGetLastError());
    scale_kernel<<<blocks, kThreads, 0, io.stream()>>>(all, squares.as<float>());
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::uneven_partition
