// Long rows of a softmax in clusters of blocks, each with its part of the row in registers, which
// exchange their (maximum, sum) through shared memory. Hopper.
//
// 8192 rows of 128256 bf16 words: 3.47 TB/s on one H200, 0.82 of a copy; reading the row a second
// time instead gives 2.8. Clusters that stay for many rows, with the next row brought to shared
// memory meanwhile, gave 2.6 (perhaps because fewer blocks fit beside each other; not profiled).
// Source: see softmax_row.cuh; CUDA C++ Programming Guide 13.0, distributed shared memory.
#pragma once

#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/softmax_row.cuh"

namespace aisp::kernels::cuda {

/// What the blocks of a cluster tell each other.
struct ClusterSlots {
  float3 slot[8];
};
__device__ inline float3 reduce_cluster(ClusterSlots& slots, float3 value) {
  const unsigned size = cluster_size();
  if (threadIdx.x < size) *of_block(&slots.slot[cluster_rank()], threadIdx.x) = value;
  cluster_sync();
  float3 all = slots.slot[0];
  for (unsigned i = 1; i < size; ++i) all = LogSum::of(all, slots.slot[i]);
  return all;
}

/// Work: as for softmax_rows. A cluster for each row of n; each block has `part_columns` of it, at
/// most kPacks packs a thread. The number of threads is a constant, so that the distances of a
/// thread's packs are: as addresses they would not fit in the 64 registers.
template <class T, class Work, int kPacks>
__global__ void __launch_bounds__(kClusterThreads, 2)
    softmax_clusters(const Work work, const int n, const int part_columns) {
  using Slice = RowSlice<T, kPacks, true>;
  __shared__ RowReducer::Shared shared;
  __shared__ ClusterSlots slots;
  RowReducer reducer(shared);
  // Waited for before a neighbour's memory is written: it must have started.
  if constexpr (Work::kReduces) cluster_arrive();
  const int thread = threadIdx.x;
  const int begin = min(n, static_cast<int>(cluster_rank()) * part_columns);
  const int part = min(n - begin, part_columns);
  const std::int64_t row = blockIdx.x / cluster_size();
  Slice slice;
  slice.load(static_cast<const T*>(work.in(row)) + begin, part, thread, kClusterThreads,
             kMinusInfinity<T>);
  const typename Work::Row begun = work.begin(row);
  float3 sums{};
  if constexpr (Work::kReduces) {
    sums = reducer.reduce<LogSum>(log_sum_of<Work::kTotal>(slice, part, kClusterThreads));
    cluster_wait();
    sums = reduce_cluster(slots, sums);
  }
  const bool lead = thread == 0 && begin == 0;
  const typename Work::All all = work.finish(row, begun, sums, lead);
  slice.forget_floats();
  T* out = static_cast<T*>(work.out(row)) + begin;
  write_slice(work, all, slice, out, part, thread, kClusterThreads);
  write_other<Slice::kCount>(work, row, begun, all, begin, begin + part, thread, kClusterThreads);
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
  cudaLaunchAttribute cluster;
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {static_cast<unsigned>(cut.cluster), 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(rows * cut.cluster));
  config.blockDim = dim3(kClusterThreads);
  config.stream = stream;
  config.attrs = &cluster;
  config.numAttrs = 1;
  AISP_CUDA(cudaLaunchKernelEx(&config, kernel, work, static_cast<int>(n), part));
}

}  // namespace aisp::kernels::cuda
