// Resident blocks that take the next task from a counter in device memory.
#include "labs/ch12_graphs/work_queue/block_task.cuh"

namespace aisp::labs::ch12::work_queue {
namespace {

__global__ void __launch_bounds__(kThreads) queue_kernel(DeviceBatch batch) {
  extern __shared__ __align__(16) float shared[];
  pull_tasks(batch, shared, [](std::int32_t place) { return place; });
}

}  // namespace

std::unique_ptr<bench::Plan> plan_atomic_queue_blocks(const bench::Params& params) {
  DeviceScratch scratch(params);
  const unsigned blocks = resident_blocks(params["tasks"]);
  return bench::plan_of([scratch = std::move(scratch), blocks](const bench::Io& io) {
    const DeviceBatch batch = scratch.batch(io);
    find_offsets(batch, io.stream());
    queue_kernel<<<blocks, kThreads, scratch.shared_bytes(), io.stream()>>>(batch);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::work_queue
