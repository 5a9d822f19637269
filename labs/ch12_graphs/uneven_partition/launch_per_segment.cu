// The host walks over the segments and launches a kernel for each: a loop over sequences that calls
// a library function, as ragged batches are often handled.
#include "labs/ch12_graphs/uneven_partition/segment.cuh"

namespace aisp::labs::ch12::uneven_partition {
namespace {

__global__ void __launch_bounds__(kThreads)
    segment_kernel(const float* x, float* y, std::int32_t n) {
  scale_segment(x, y, n);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_launch_per_segment(const bench::Params&) {
  return bench::plan_of([](const bench::Io& io) {
    const auto offsets = io.in<std::int32_t>(2);
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      segment_kernel<<<1, kThreads, 0, io.stream()>>>(io.in<float>(0).data() + offsets[s],
                                                      io.out<float>(0).data() + offsets[s],
                                                      offsets[s + 1] - offsets[s]);
    }
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::uneven_partition
