// Dynamic parallelism: one thread of a parent grid for each segment launches the child grid for it.
// The stream goes on when all children are done. Built with relocatable device code (*_rdc.cu).
// Source: CUDA C++ Programming Guide 13.0, "CUDA Dynamic Parallelism" (fire-and-forget stream).
#include "labs/ch12_graphs/uneven_partition/segment.cuh"

namespace aisp::labs::ch12::uneven_partition {
namespace {

constexpr int kParentThreads = 64;

__global__ void __launch_bounds__(kThreads) child_kernel(const float* x, float* y, std::int32_t n) {
  scale_segment(x, y, n);
}

/// A child that could not be launched writes nothing, which the check of the result sees.
__global__ void __launch_bounds__(kParentThreads) parent_kernel(Segments all) {
  const auto segment = static_cast<std::int32_t>(blockIdx.x * kParentThreads + threadIdx.x);
  if (segment >= all.count) return;
  const std::int32_t first = all.offsets[segment];
  child_kernel<<<1, kThreads, 0, cudaStreamFireAndForget>>>(all.x + first, all.y + first,
                                                            all.offsets[segment + 1] - first);
}

/// Launches beyond the limit (2048 by default) fail: room for all children of one parent while the
/// plan lives, and the limit as it was afterwards.
class LaunchRoom {
 public:
  explicit LaunchRoom(std::int64_t count) {
    AISP_CUDA(cudaDeviceGetLimit(&before_, cudaLimitDevRuntimePendingLaunchCount));
    if (before_ < static_cast<std::size_t>(count)) {
      AISP_CUDA(cudaDeviceSetLimit(cudaLimitDevRuntimePendingLaunchCount,
                                   static_cast<std::size_t>(count)));
    }
  }
  ~LaunchRoom() { cudaDeviceSetLimit(cudaLimitDevRuntimePendingLaunchCount, before_); }
  LaunchRoom(const LaunchRoom&) = delete;
  LaunchRoom& operator=(const LaunchRoom&) = delete;

 private:
  std::size_t before_ = 0;
};

}  // namespace

std::unique_ptr<bench::Plan> plan_device_launch(const bench::Params& params) {
  auto room = std::make_unique<LaunchRoom>(params["segments"]);
  return bench::plan_of([params, room = std::move(room)](const bench::Io& io) {
    const Segments all = segments_of(params, io);
    const auto blocks = static_cast<unsigned>((all.count + kParentThreads - 1) / kParentThreads);
    parent_kernel<<<blocks, kParentThreads, 0, io.stream()>>>(all);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::uneven_partition
