// Resident blocks, each with an equal count of neighbouring tasks: static_chunks on the GPU, as in
// grid-stride kernels that divide rows among blocks in advance.
#include "labs/ch12_graphs/work_queue/block_task.cuh"

namespace aisp::labs::ch12::work_queue {
namespace {

__global__ void __launch_bounds__(kThreads) static_kernel(DeviceBatch batch) {
  extern __shared__ __align__(16) float shared[];
  const auto share = [&](unsigned block) {
    return static_cast<std::int32_t>(static_cast<std::int64_t>(batch.tasks) * block / gridDim.x);
  };
  for (std::int32_t task = share(blockIdx.x); task < share(blockIdx.x + 1); ++task) {
    __syncthreads();
    run_task(batch, task, shared);
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_static_blocks(const bench::Params& params) {
  DeviceScratch scratch(params);
  const unsigned blocks = resident_blocks(params["tasks"]);
  return bench::plan_of([scratch = std::move(scratch), blocks](const bench::Io& io) {
    const DeviceBatch batch = scratch.batch(io);
    find_offsets(batch, io.stream());
    static_kernel<<<blocks, kThreads, scratch.shared_bytes(), io.stream()>>>(batch);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::work_queue
