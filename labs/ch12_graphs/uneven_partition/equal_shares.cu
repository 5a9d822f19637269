// Resident blocks, each with an equal count of neighbouring segments, however long they are.
#include <algorithm>

#include "labs/ch12_graphs/uneven_partition/segment.cuh"

namespace aisp::labs::ch12::uneven_partition {
namespace {

__global__ void __launch_bounds__(kThreads) shares_kernel(Segments all) {
  const auto share = [&](unsigned block) {
    return static_cast<std::int32_t>(static_cast<std::int64_t>(all.count) * block / gridDim.x);
  };
  for (std::int32_t s = share(blockIdx.x); s < share(blockIdx.x + 1); ++s) {
    __syncthreads();
    scale_segment(all, s);
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_equal_shares(const bench::Params& params) {
  const unsigned blocks =
      std::min(static_cast<unsigned>(params["segments"]), resident_blocks(shares_kernel));
  return bench::plan_of([params, blocks](const bench::Io& io) {
    shares_kernel<<<blocks, kThreads, 0, io.stream()>>>(segments_of(params, io));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::uneven_partition
