// Long rows of a softmax in clusters of blocks, which exchange their (maximum, sum) through shared
// memory. Clusters stay for many rows: while a part of a row is in the registers, being reduced and
// written, the copy engine brings the block's part of the next row into shared memory. Hopper.
//
// Without that, each cluster started for one row, 128256 words gave 3.4 TB/s on one H200, and twice
// the blocks with half the work took as long: they waited for each other.
// Source: see softmax_row.cuh; CUDA C++ Programming Guide 13.0, distributed shared memory.
#pragma once

#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/softmax_row.cuh"
#include "kernels/cuda/tma.cuh"

namespace aisp::kernels::cuda {

/// What the blocks of a cluster tell each other. Two sets take turns, as in RowReducer.
struct ClusterSlots {
  float3 slot[2][8];
};
__device__ inline float3 reduce_cluster(ClusterSlots& slots, int turn, float3 value) {
  const unsigned size = cluster_size();
  if (threadIdx.x < size) *of_block(&slots.slot[turn][cluster_rank()], threadIdx.x) = value;
  cluster_sync();
  float3 all = slots.slot[turn][0];
  for (unsigned i = 1; i < size; ++i) all = LogSum::of(all, slots.slot[turn][i]);
  return all;
}

/// Work: as for softmax_rows. Each block has `part_columns` of a row of n, at most kPacks packs a
/// thread, and shared memory for them.
template <class T, class Work, int kPacks>
__global__ void __launch_bounds__(kClusterThreads, 2)
    softmax_clusters(const Work work, const std::int64_t rows, const int n,
                     const int part_columns) {
  using Slice = RowSlice<T, kPacks, true>;
  extern __shared__ __align__(128) char memory[];
  __shared__ RowReducer::Shared shared;
  __shared__ ClusterSlots slots;
  __shared__ Barrier full;
  RowReducer reducer(shared);
  const int thread = threadIdx.x;
  const int begin = min(n, static_cast<int>(cluster_rank()) * part_columns);
  const int part = min(n - begin, part_columns);
  const std::int64_t step = gridDim.x / cluster_size();
  const T* landing = reinterpret_cast<const T*>(memory);
  const auto request = [&](std::int64_t row) {
    barrier_arrive_expect(&full, part * sizeof(T));
    if (part > 0) {
      bulk_load(memory, static_cast<const T*>(work.in(row)) + begin, part * sizeof(T), &full);
    }
  };
  std::int64_t row = blockIdx.x / cluster_size();
  if (thread == 0) {
    barrier_init(&full, 1);
    barrier_init_fence();
    if (row < rows) request(row);
  }
  cluster_sync();  // the barrier is there, and so are the neighbours, whose memory is written
  int turn = 0;
  for (; row < rows; row += step, turn ^= 1) {
    const typename Work::Row begun = work.begin(row);
    barrier_wait(&full, turn);
    Slice slice;
    slice.load(landing, part, thread, kClusterThreads, kMinusInfinity<T>);
    float3 sums{};
    if constexpr (Work::kReduces) {
      sums = reducer.reduce<LogSum>(log_sum_of<Work::kTotal>(slice, part, kClusterThreads));
    } else {
      __syncthreads();
    }
    // All have taken their packs.
    if (thread == 0 && row + step < rows) request(row + step);
    if constexpr (Work::kReduces) sums = reduce_cluster(slots, turn, sums);
    const bool lead = thread == 0 && begin == 0;
    const typename Work::All all = work.finish(row, begun, sums, lead);
    slice.forget_floats();
    T* out = static_cast<T*>(work.out(row)) + begin;
    write_slice(work, all, slice, out, part, thread, kClusterThreads);
    write_other<Slice::kCount>(work, row, begun, all, begin, begin + part, thread, kClusterThreads);
  }
}

/// Launches softmax_clusters of `work`, which writes, with 4 or 8 packs a thread.
template <class T, class Work>
void run_softmax_clusters(const Work& work, std::int64_t rows, std::int64_t n,
                          const SoftmaxCut& cut, machine::CudaStream stream) {
  static_assert(Work::kWrites);
  const auto kernel =
      cut.row.packs == 8 ? softmax_clusters<T, Work, 8> : softmax_clusters<T, Work, 4>;
  constexpr std::int64_t kCount = kLanes<T>;
  const std::int64_t packs = (n + kCount - 1) / kCount;
  const auto part = static_cast<int>((packs + cut.cluster - 1) / cut.cluster * kCount);
  const auto bytes = static_cast<int>(part * sizeof(T));
  AISP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  // Two blocks need 130 KiB of a multiprocessor's memory as shared memory, not as L1.
  AISP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                 cudaSharedmemCarveoutMaxShared));
  cudaLaunchAttribute cluster;
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {static_cast<unsigned>(cut.cluster), 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(cut.row.blocks));
  config.blockDim = dim3(kClusterThreads);
  config.dynamicSmemBytes = bytes;
  config.stream = stream;
  config.attrs = &cluster;
  config.numAttrs = 1;
  AISP_CUDA(cudaLaunchKernelEx(&config, kernel, work, rows, static_cast<int>(n), part));
}

}  // namespace aisp::kernels::cuda
