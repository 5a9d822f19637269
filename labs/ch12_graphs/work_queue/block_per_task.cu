// One block for each task: the GPU's own block scheduler is the queue, in task order.
#include "labs/ch12_graphs/work_queue/block_task.cuh"

namespace aisp::labs::ch12::work_queue {
namespace {

__global__ void __launch_bounds__(kThreads) task_kernel(DeviceBatch batch) {
  extern __shared__ __align__(16) float shared[];
  run_task(batch, static_cast<std::int32_t>(blockIdx.x), shared);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_block_per_task(const bench::Params& params) {
  return bench::plan_of([scratch = DeviceScratch(params)](const bench::Io& io) {
    const DeviceBatch batch = scratch.batch(io);
    find_offsets(batch, io.stream());
    task_kernel<<<static_cast<unsigned>(batch.tasks), kThreads, scratch.shared_bytes(),
                  io.stream()>>>(batch);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::work_queue
