// The task as one block of a GPU runs it, and what every schedule needs before: where each sequence
// begins. Techniques on the GPU differ only in which block runs which task when.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "labs/ch12_graphs/work_queue/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device.h"

namespace aisp::labs::ch12::work_queue {

inline constexpr int kThreads = 128;  // a short message has 24 rows: larger blocks would idle
inline constexpr int kScanThreads = 1024;

/// One call on the GPU. `offsets`: tasks; `order`: tasks, only for schedules with an order;
/// `next`: the queue's counter.
struct DeviceBatch {
  const float* x = nullptr;
  const std::int32_t* lengths = nullptr;
  float* out = nullptr;
  std::int64_t* offsets = nullptr;
  std::int32_t* order = nullptr;
  std::int32_t* next = nullptr;
  std::int32_t tasks = 0, max_length = 0;
};

/// Scratch of a plan, and the batch of one call.
class DeviceScratch {
 public:
  explicit DeviceScratch(const bench::Params& p)
      : tasks_(static_cast<std::int32_t>(p["tasks"])),
        max_length_(static_cast<std::int32_t>(p["max_length"])),
        offsets_(8 * static_cast<std::size_t>(tasks_)),
        order_(4 * static_cast<std::size_t>(tasks_)),
        next_(4) {}
  DeviceBatch batch(const bench::Io& io) const {
    return {io.in<float>(0).data(),
            io.in<std::int32_t>(1).data(),
            io.out<float>(0).data(),
            offsets_.as<std::int64_t>(),
            order_.as<std::int32_t>(),
            next_.as<std::int32_t>(),
            tasks_,
            max_length_};
  }
  /// Whole packs of 16 bytes: the compiler reads what is left of a row as one, before it asks how
  /// much is left.
  unsigned shared_bytes() const { return (4U * static_cast<unsigned>(max_length_) + 15U) & ~15U; }

 private:
  std::int32_t tasks_, max_length_;
  machine::DeviceArray offsets_, order_, next_;
};

/// out[task], by a block of kThreads threads; x in `shared` (max_length floats). Each thread sums
/// whole rows: row a is kept to its end by one thread, its neighbours in the warp read the same
/// x[b].
__device__ inline void run_task(const DeviceBatch& batch, std::int32_t task, float* shared) {
  __shared__ double partial[kThreads / 32];
  const float* x = batch.x + batch.offsets[task];
  const int n = batch.lengths[task];
  for (int i = threadIdx.x; i < n; i += kThreads) shared[i] = x[i];
  __syncthreads();
  double sum = 0.0;
  for (int a = threadIdx.x; a < n; a += kThreads) {
    const float scale = shared[a];
    float row[4] = {0.0F, 0.0F, 0.0F, 0.0F};  // four chains hide the latency of the additions
    int b = 0;
    for (; b + 4 <= a + 1; b += 4) {
      const float4 y = *reinterpret_cast<const float4*>(shared + b);
      row[0] += fmaxf(scale * y.x, 0.0F);
      row[1] += fmaxf(scale * y.y, 0.0F);
      row[2] += fmaxf(scale * y.z, 0.0F);
      row[3] += fmaxf(scale * y.w, 0.0F);
    }
    for (; b <= a; ++b) row[0] += fmaxf(scale * shared[b], 0.0F);
    sum += static_cast<double>((row[0] + row[1]) + (row[2] + row[3]));
  }
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < kThreads / 32; ++warp) sum += partial[warp];
    batch.out[task] = static_cast<float>(sum / static_cast<double>(n));
  }
}

/// offsets = exclusive sums of lengths, next = 0. One block of kScanThreads.
static __global__ void __launch_bounds__(kScanThreads) offsets_kernel(DeviceBatch batch) {
  __shared__ std::int64_t ends[kScanThreads];
  const int each = (batch.tasks + kScanThreads - 1) / kScanThreads;
  const int first = min(static_cast<int>(threadIdx.x) * each, batch.tasks);
  const int last = min(first + each, batch.tasks);
  std::int64_t mine = 0;
  for (int i = first; i < last; ++i) mine += batch.lengths[i];
  ends[threadIdx.x] = mine;
  __syncthreads();
  for (int step = 1; step < kScanThreads; step *= 2) {
    const std::int64_t before = threadIdx.x >= step ? ends[threadIdx.x - step] : 0;
    __syncthreads();
    ends[threadIdx.x] += before;
    __syncthreads();
  }
  std::int64_t offset = ends[threadIdx.x] - mine;
  for (int i = first; i < last; ++i) {
    batch.offsets[i] = offset;
    offset += batch.lengths[i];
  }
  if (threadIdx.x == 0) *batch.next = 0;
}

inline void find_offsets(const DeviceBatch& batch, cudaStream_t stream) {
  offsets_kernel<<<1, kScanThreads, 0, stream>>>(batch);
  AISP_CUDA(cudaGetLastError());
}

/// The blocks of a kernel that stays: four a multiprocessor. Their 16 warps, with four independent
/// sums a thread, keep it busy; with all the blocks that fit (16), 2048 tasks would begin at once
/// and nothing would be left to deal out.
inline unsigned resident_blocks(std::int64_t tasks) {
  constexpr int kPerMultiprocessor = 4;
  return static_cast<unsigned>(
      std::min<std::int64_t>(tasks, kPerMultiprocessor * machine::cuda_device().multiprocessors));
}

/// The queue: blocks take the next place from the counter until none is left. task_at(place) names
/// the task.
template <class TaskAt>
__device__ void pull_tasks(const DeviceBatch& batch, float* shared, TaskAt task_at) {
  __shared__ std::int32_t place;
  while (true) {
    __syncthreads();  // all have read the place before, and x of the task before
    if (threadIdx.x == 0) place = atomicAdd(batch.next, 1);
    __syncthreads();
    if (place >= batch.tasks) return;
    run_task(batch, task_at(place), shared);
  }
}

}  // namespace aisp::labs::ch12::work_queue
