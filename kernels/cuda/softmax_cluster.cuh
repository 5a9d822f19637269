// Long rows of a softmax in clusters of blocks that stay: one thread of each block has the copy
// engine bring its part of the next rows, a chunk at a time, to a ring in shared memory; the others
// hold the part of the present row in registers. The blocks of a cluster exchange (maximum, sum)
// through shared memory. So 192 KiB are on their way into a multiprocessor whatever its warps do.
//
// 8192 rows of 128256 bf16 words in clusters of 2: 3.83 TB/s on one H200, 0.90 of a copy; clusters
// of 4 that come and go with each row gave 3.61, and 4 that stay 3.09 to 3.53, as only 120 of the
// 132 multiprocessors have room for one. Reading the row a second time instead: 2.8.
// Source: see softmax_row.cuh; CUDA C++ Programming Guide 13.0, distributed shared memory.
#pragma once

#include <algorithm>
#include <array>

#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/softmax_row.cuh"
#include "kernels/cuda/tma.cuh"
#include "kernels/cuda/warpgroup.cuh"

namespace aisp::kernels::cuda {

constexpr int kClusterWarps = kClusterThreads / 32, kMostBlocks = 8;
/// 12 chunks of two packs a thread: 192 KiB.
constexpr int kChunkPacks = 2, kRingStages = 12;
constexpr int kRingChunk = kClusterThreads * kChunkPacks * 16;

/// What a block reduces through, in two sets that take turns: who writes one for the second time
/// has passed a barrier that everyone reaches after the last reading of it.
struct ClusterSums {
  float4 of_warp[2][kClusterWarps];
  float4 of_block[2][kMostBlocks];
  Barrier met[2];  // an arrival of each block of the cluster
};

/// The LogSum of row number `turn` of a cluster from those of the threads that hold it.
__device__ inline float3 reduce_cluster(ClusterSums& sums, int turn, float3 value) {
  const int set = turn & 1, thread = threadIdx.x, blocks = static_cast<int>(cluster_size());
  const auto pack = [](float3 v) { return float4{v.x, v.y, v.z, 0.0F}; };
  const auto unpack = [](const float4& v) { return float3{v.x, v.y, v.z}; };
  value = reduce_warp<LogSum>(value);
  if (thread % 32 == 0) sums.of_warp[set][thread / 32] = pack(value);
  named_sync(1, kClusterThreads);
  value = thread % 32 < kClusterWarps ? unpack(sums.of_warp[set][thread % 32]) : LogSum::nothing();
  value = reduce_warp<LogSum>(value);
  if (thread < blocks) {
    *of_block(&sums.of_block[set][cluster_rank()], thread) = pack(value);
    barrier_arrive_at_releasing(&sums.met[set], thread);
  }
  barrier_wait_cluster(&sums.met[set], turn >> 1 & 1);
  value = unpack(sums.of_block[set][0]);
  for (int i = 1; i < blocks; ++i) value = LogSum::of(value, unpack(sums.of_block[set][i]));
  return value;
}

/// A block's part of the rows of its cluster, chunk after chunk, by one thread.
template <class T, int kChunks, class Work>
__device__ inline void fill_ring(const Work& work, std::int64_t rows, int begin, int part,
                                 char* ring, Barrier* full, Barrier* empty) {
  const std::int64_t clusters = gridDim.x / cluster_size();
  const int part_bytes = part * static_cast<int>(sizeof(T));
  RingPosition<kRingStages> at;
  for (std::int64_t row = blockIdx.x / cluster_size(); row < rows; row += clusters) {
    const char* from = reinterpret_cast<const char*>(static_cast<const T*>(work.in(row)) + begin);
    for (int chunk = 0; chunk < kChunks; ++chunk, at.advance()) {
      const int bytes = max(0, min(kRingChunk, part_bytes - chunk * kRingChunk));
      barrier_wait(&empty[at.stage], at.parity ^ 1U);
      barrier_arrive_expect(&full[at.stage], bytes);
      if (bytes == 0) continue;
      bulk_load(ring + at.stage * kRingChunk, from + chunk * kRingChunk, bytes, &full[at.stage]);
    }
  }
}

/// Work: as for softmax_rows. Clusters take rows in turn; each block has `part_columns` of them, at
/// most kPacks packs a thread.
template <class T, class Work, int kPacks>
__global__ void __launch_bounds__(kClusterThreads + 32, 1)
    softmax_clusters(const Work work, const std::int64_t rows, const int n,
                     const int part_columns) {
  using Slice = RowSlice<T, kPacks, true>;
  constexpr int kChunks = kPacks / kChunkPacks;
  extern __shared__ __align__(128) char ring[];
  __shared__ Barrier full[kRingStages], empty[kRingStages];
  __shared__ ClusterSums sums;
  const int begin = min(n, static_cast<int>(cluster_rank()) * part_columns);
  const int part = min(n - begin, part_columns), thread = threadIdx.x;
  if (thread == 0) {
    for (int i = 0; i < kRingStages; ++i) {
      barrier_init(&full[i], 1);
      barrier_init(&empty[i], kClusterWarps);
    }
    for (auto& barrier : sums.met) barrier_init(&barrier, cluster_size());
    barrier_init_fence();
  }
  cluster_sync();  // before anyone writes to a neighbour
  if (thread >= kClusterThreads) {
    if (elect_one()) fill_ring<T, kChunks>(work, rows, begin, part, ring, full, empty);
  } else {
    const std::int64_t clusters = gridDim.x / cluster_size();
    RingPosition<kRingStages> at;
    int turn = 0;
    for (std::int64_t row = blockIdx.x / cluster_size(); row < rows; row += clusters, ++turn) {
      const typename Work::Row begun = work.begin(row);
      Slice slice;
#pragma unroll
      for (int chunk = 0; chunk < kChunks; ++chunk, at.advance()) {
        barrier_wait(&full[at.stage], at.parity);
        RowSlice<T, kChunkPacks, true> some;
        some.load(reinterpret_cast<const T*>(ring + at.stage * kRingChunk),
                  part - chunk * (kRingChunk / static_cast<int>(sizeof(T))), thread,
                  kClusterThreads, kMinusInfinity<T>);
#pragma unroll
        for (int i = 0; i < kChunkPacks; ++i) slice.pack[chunk * kChunkPacks + i] = some.pack[i];
        __syncwarp();
        if (thread % 32 == 0) barrier_arrive(&empty[at.stage]);
      }
      float3 sum{};
      if constexpr (Work::kReduces) {
        sum = reduce_cluster(sums, turn, log_sum_of<Work::kTotal>(slice, part, kClusterThreads));
        slice.forget_floats();
      }
      const typename Work::All all = work.finish(row, begun, sum, thread == 0 && begin == 0);
      T* out = static_cast<T*>(work.out(row)) + begin;
      write_slice(work, all, slice, out, part, thread, kClusterThreads);
      write_other<Slice::kCount>(work, row, begun, all, begin, begin + part, thread,
                                 kClusterThreads);
    }
  }
  __syncwarp();
  cluster_sync();  // a neighbour may still write here
}

template <class T, class Work, int kPacks>
void launch_softmax_clusters(const Work& work, std::int64_t rows, std::int64_t n, int size,
                             machine::CudaStream stream) {
  const auto kernel = softmax_clusters<T, Work, kPacks>;
  constexpr int kBytes = kRingStages * kRingChunk;
  cudaLaunchAttribute cluster;
  cluster.id = cudaLaunchAttributeClusterDimension;
  cudaLaunchConfig_t config{};
  config.blockDim = dim3(kClusterThreads + 32);
  config.dynamicSmemBytes = kBytes;
  config.attrs = &cluster;
  config.numAttrs = 1;
  const auto shape = [&](std::int64_t clusters, int of) {
    cluster.val.clusterDim = {static_cast<unsigned>(of), 1, 1};
    config.gridDim = dim3(static_cast<unsigned>(clusters * of));
  };
  // How many clusters of each size are there at once: what processors the chip groups decides.
  static const std::array<int, kMostBlocks + 1> at_once = [&] {
    AISP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes));
    std::array<int, kMostBlocks + 1> counts{};
    for (int of = 1; of <= kMostBlocks; of *= 2) {
      shape(machine::cuda_device().multiprocessors / of, of);
      AISP_CUDA(cudaOccupancyMaxActiveClusters(&counts[of], kernel, &config));
    }
    return counts;
  }();
  constexpr std::int64_t kCount = kLanes<T>;
  const std::int64_t packs = (n + kCount - 1) / kCount;
  const auto part = static_cast<int>((packs + size - 1) / size * kCount);
  shape(std::min<std::int64_t>(rows, std::max(1, at_once[size])), size);
  config.stream = stream;
  AISP_CUDA(cudaLaunchKernelEx(&config, kernel, work, rows, static_cast<int>(n), part));
}

/// Launches softmax_clusters of `work`, which writes, with 4 or 16 packs a thread.
template <class T, class Work>
void run_softmax_clusters(const Work& work, std::int64_t rows, std::int64_t n,
                          const SoftmaxCut& cut, machine::CudaStream stream) {
  static_assert(Work::kWrites);
  if (cut.row.packs == 16) {
    launch_softmax_clusters<T, Work, 16>(work, rows, n, cut.cluster, stream);
  } else {
    launch_softmax_clusters<T, Work, 4>(work, rows, n, cut.cluster, stream);
  }
}

}  // namespace aisp::kernels::cuda
