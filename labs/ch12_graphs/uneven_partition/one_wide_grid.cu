// One launch, a block for each segment: the GPU's block scheduler hands them out in order.
#include "labs/ch12_graphs/uneven_partition/segment.cuh"

namespace aisp::labs::ch12::uneven_partition {
namespace {

__global__ void __launch_bounds__(kThreads) wide_kernel(Segments all) {
  scale_segment(all, static_cast<std::int32_t>(blockIdx.x));
}

}  // namespace

std::unique_ptr<bench::Plan> plan_one_wide_grid(const bench::Params& params) {
  return bench::plan_of([params](const bench::Io& io) {
    const Segments all = segments_of(params, io);
    wide_kernel<<<static_cast<unsigned>(all.count), kThreads, 0, io.stream()>>>(all);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::uneven_partition
