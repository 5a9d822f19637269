// A persistent kernel: resident blocks take the next segment from a counter until none is left.
#include <algorithm>

#include "labs/ch12_graphs/uneven_partition/segment.cuh"

namespace aisp::labs::ch12::uneven_partition {
namespace {

__global__ void __launch_bounds__(kThreads) pull_kernel(Segments all, std::int32_t* next) {
  __shared__ std::int32_t segment;
  while (true) {
    __syncthreads();
    if (threadIdx.x == 0) segment = atomicAdd(next, 1);
    __syncthreads();
    if (segment >= all.count) return;
    scale_segment(all, segment);
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_pull_segments(const bench::Params& params) {
  const unsigned blocks =
      std::min(static_cast<unsigned>(params["segments"]), resident_blocks(pull_kernel));
  return bench::plan_of(
      [params, blocks, next = machine::DeviceArray(sizeof(std::int32_t))](const bench::Io& io) {
        AISP_CUDA(cudaMemsetAsync(next.as<void>(), 0, sizeof(std::int32_t), io.stream()));
        pull_kernel<<<blocks, kThreads, 0, io.stream()>>>(segments_of(params, io),
                                                          next.as<std::int32_t>());
        AISP_CUDA(cudaGetLastError());
      });
}

}  // namespace aisp::labs::ch12::uneven_partition
