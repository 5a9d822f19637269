// The queue with the longest tasks first (Graham's LPT rule), so that none begins near the end. The
// order comes from a counting sort by length on the GPU, in classes of 2^(1/4): within a class
// costs differ by at most 1.4 times.
#include "labs/ch12_graphs/work_queue/block_task.cuh"

namespace aisp::labs::ch12::work_queue {
namespace {

constexpr int kClasses = 128;  // 4 for each power of two: lengths to 2^31

__device__ int length_class(std::int32_t length) {
  return kClasses - 1 - static_cast<int>(4.0F * log2f(static_cast<float>(max(length, 1))));
}

/// order = the tasks, longest class first. One block of kScanThreads.
__global__ void __launch_bounds__(kScanThreads) order_kernel(DeviceBatch batch) {
  __shared__ std::int32_t place[kClasses];
  if (threadIdx.x < kClasses) place[threadIdx.x] = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < batch.tasks; i += kScanThreads) {
    atomicAdd(&place[length_class(batch.lengths[i])], 1);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    std::int32_t sum = 0;
    for (int c = 0; c < kClasses; ++c) {
      const std::int32_t count = place[c];
      place[c] = sum;
      sum += count;
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < batch.tasks; i += kScanThreads) {
    batch.order[atomicAdd(&place[length_class(batch.lengths[i])], 1)] = i;
  }
}

__global__ void __launch_bounds__(kThreads) queue_kernel(DeviceBatch batch) {
  extern __shared__ __align__(16) float shared[];
  pull_tasks(batch, shared, [&](std::int32_t place) { return batch.order[place]; });
}

}  // namespace

std::unique_ptr<bench::Plan> plan_longest_first_blocks(const bench::Params& params) {
  DeviceScratch scratch(params);
  const unsigned blocks = resident_blocks(params["tasks"]);
  return bench::plan_of([scratch = std::move(scratch), blocks](const bench::Io& io) {
    const DeviceBatch batch = scratch.batch(io);
    find_offsets(batch, io.stream());
    order_kernel<<<1, kScanThreads, 0, io.stream()>>>(batch);
    AISP_CUDA(cudaGetLastError());
    queue_kernel<<<blocks, kThreads, scratch.shared_bytes(), io.stream()>>>(batch);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch12::work_queue
