// Long rows of a softmax in clusters of blocks that stay. A block's part of the next row is brought
// to shared memory by the copy engine while the present one, in registers, is reduced and written;
// the blocks of a cluster exchange (maximum, sum) through shared memory, and with it the number of
// the row after the next.
//
// Rows dealt out in advance end unevenly: multiprocessors are not served alike, and a copy by
// blocks that stay ends on the last of them 7 us after half of the others (of 104 us). So clusters
// may draw their rows from a counter. Of a copy, on one H200, 4096 rows of 128256 bf16 words:
// clusters of 2 that stay 0.90. In other arrangements, 8192 rows: a ring of 192 KiB and a warp that
// copies 0.90 to 0.91 (its 17th warp takes a quarter of everyone's registers; fewer chunks on their
// way change nothing), the same without any exponentials 0.93; clusters of 4 that come and go with
// each row 0.85; 4 that stay 0.75, as only 120 of the 132 multiprocessors have room for one;
// reading a row twice 0.66. Source: see softmax_row.cuh; CUDA C++ Programming Guide 13.0,
// distributed shared memory.
#pragma once

#include <algorithm>
#include <array>

#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/softmax_row.cuh"
#include "kernels/cuda/tma.cuh"
#include "kernels/cuda/warpgroup.cuh"

namespace aisp::kernels::cuda {

constexpr int kClusterWarps = kClusterThreads / 32, kMostBlocks = 8;
/// What arrives together: two packs a thread.
constexpr int kChunkPacks = 2, kChunkBytes = kClusterThreads * kChunkPacks * 16;

/// What a block reduces through, in two sets that take turns: who writes one for the second time
/// has passed a barrier that everyone reaches after the last reading of it.
struct ClusterSums {
  float4 of_warp[2][kClusterWarps];
  float4 of_block[2][kMostBlocks];
  Barrier met[2];  // an arrival of each block of the cluster
};
struct Met {
  float3 sum;
  int number;
};

/// In turn number `turn` of a cluster: the LogSum of what its threads bring (not with kReduces
/// false), and the `number` that lane 0 of the first block's first warp brings.
template <bool kReduces>
__device__ inline Met meet(ClusterSums& sums, int turn, float3 value, int number) {
  const int set = turn & 1, thread = threadIdx.x, blocks = static_cast<int>(cluster_size());
  const auto unpack = [](const float4& v) { return float3{v.x, v.y, v.z}; };
  if constexpr (kReduces) {
    value = reduce_warp<LogSum>(value);
    if (thread % 32 == 0) sums.of_warp[set][thread / 32] = {value.x, value.y, value.z, 0.0F};
    __syncthreads();
    value =
        thread % 32 < kClusterWarps ? unpack(sums.of_warp[set][thread % 32]) : LogSum::nothing();
    value = reduce_warp<LogSum>(value);
  }
  number = __shfl_sync(0xffffffffU, number, 0);
  if (thread < blocks) {
    *of_block(&sums.of_block[set][cluster_rank()], thread) = {value.x, value.y, value.z,
                                                              __int_as_float(number)};
    barrier_arrive_at_releasing(&sums.met[set], thread);
  }
  barrier_wait_cluster(&sums.met[set], turn >> 1 & 1);
  const float4 first = sums.of_block[set][0];
  value = unpack(first);
  if constexpr (kReduces) {
    for (int i = 1; i < blocks; ++i) value = LogSum::of(value, unpack(sums.of_block[set][i]));
  }
  return {value, __float_as_int(first.w)};
}

/// The rows of a cluster: its number, a step further, and then as drawn, or again a step further.
struct RowsInTurn {
  std::int64_t rows;
  std::uint32_t* ticket;  // zero before and after; nullptr: nothing is drawn

  /// What the row after the next is, as meet() takes it: one thread, once for each row that is
  /// done, so that whoever draws number rows - 1 is the last.
  __device__ int draw(std::int64_t after, std::int64_t clusters) const {
    if (ticket == nullptr) return static_cast<int>(after + clusters);
    const std::uint32_t drawn = atomicAdd(ticket, 1U);
    if (drawn == rows - 1) *ticket = 0;
    return static_cast<int>(2 * clusters + drawn);
  }
};

/// Work: as for softmax_rows. Each block of a cluster has `part_columns` of its rows, at most
/// kPacks packs a thread.
template <class T, class Work, int kPacks>
__global__ void __launch_bounds__(kClusterThreads, 1)
    softmax_clusters(const Work work, const RowsInTurn turns, const int n, const int part_columns) {
  using Slice = RowSlice<T, kPacks, true>;
  constexpr int kChunks = kPacks / kChunkPacks;
  constexpr int kColumns = kChunkBytes / static_cast<int>(sizeof(T));
  extern __shared__ __align__(128) char chunks[];
  __shared__ Barrier full[kChunks];
  __shared__ ClusterSums sums;
  const int begin = min(n, static_cast<int>(cluster_rank()) * part_columns);
  const int part = min(n - begin, part_columns), thread = threadIdx.x;
  if (thread == 0) {
    for (auto& barrier : full) barrier_init(&barrier, 1);
    for (auto& barrier : sums.met) barrier_init(&barrier, cluster_size());
    barrier_init_fence();
  }
  cluster_sync();                               // before anyone writes to a neighbour
  const auto ask_for = [&](std::int64_t row) {  // one thread
    const T* from = static_cast<const T*>(work.in(row)) + begin;
    for (int i = 0; i < kChunks; ++i) {
      const int bytes = max(0, min(part - i * kColumns, kColumns)) * static_cast<int>(sizeof(T));
      barrier_arrive_expect(&full[i], bytes);
      if (bytes > 0) bulk_load(chunks + i * kChunkBytes, from + i * kColumns, bytes, &full[i]);
    }
  };
  const std::int64_t clusters = gridDim.x / cluster_size();
  std::int64_t row = blockIdx.x / cluster_size(), after = row + clusters;
  if (thread == 0) ask_for(row);
  typename Work::Row next = work.begin(row);
  for (int turn = 0; row < turns.rows; ++turn) {
    typename Work::Row begun = next;
    const int other = work.column(begun) - begin;  // in this part, if it is 0..part-1
    int drawn = 0;
    if (thread == 0 && cluster_rank() == 0) drawn = turns.draw(after, clusters);
    Slice slice;
#pragma unroll
    for (int i = 0; i < kChunks; ++i) {
      const T* values = reinterpret_cast<const T*>(chunks + i * kChunkBytes);
      barrier_wait(&full[i], turn & 1);
      RowSlice<T, kChunkPacks, true> some;
      some.load(values, part - i * kColumns, thread, kClusterThreads, kMinusInfinity<T>);
#pragma unroll
      for (int j = 0; j < kChunkPacks; ++j) slice.pack[i * kChunkPacks + j] = some.pack[j];
      if (other >= i * kColumns && other < min(part, (i + 1) * kColumns)) {
        work.found(begun, static_cast<float>(values[other - i * kColumns]));
      }
    }
    __syncthreads();  // everyone has read it
    if (after < turns.rows) {
      if (thread == 0) ask_for(after);
      next = work.begin(after);
    }
    float3 sum{};
    if constexpr (Work::kReduces) {
      sum = log_sum_of<Work::kTotal>(slice, part, kClusterThreads);
      slice.forget_floats();
    }
    const Met met = meet<Work::kReduces>(sums, turn, sum, drawn);
    // Who tells of the row has found its other column, if there is one.
    const bool tells = work.column(begun) < 0 ? begin == 0 : other >= 0 && other < part;
    const typename Work::All all = work.finish(row, begun, met.sum, thread == 0 && tells);
    T* out = static_cast<T*>(work.out(row)) + begin;
    write_slice(work, all, slice, out, part, thread, kClusterThreads);
    write_other<Slice::kCount>(work, row, begun, all, begin, begin + part, thread, kClusterThreads);
    row = after, after = met.number;
  }
  cluster_sync();  // a neighbour may still write here
}

template <class T, class Work, int kPacks>
void launch_softmax_clusters(const Work& work, const RowsInTurn& turns, std::int64_t n, int size,
                             machine::CudaStream stream) {
  const auto kernel = softmax_clusters<T, Work, kPacks>;
  constexpr int kBytes = kPacks / kChunkPacks * kChunkBytes;
  cudaLaunchAttribute cluster;
  cluster.id = cudaLaunchAttributeClusterDimension;
  cudaLaunchConfig_t config{};
  config.blockDim = dim3(kClusterThreads);
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
  shape(std::min<std::int64_t>(turns.rows, std::max(1, at_once[size])), size);
  config.stream = stream;
  AISP_CUDA(cudaLaunchKernelEx(&config, kernel, work, turns, static_cast<int>(n), part));
}

/// Launches softmax_clusters of `work`, which writes, with 4 or 16 packs a thread. Rows are
/// numbered in 31 bits.
template <class T, class Work>
void run_softmax_clusters(const Work& work, const RowsInTurn& turns, std::int64_t n,
                          const SoftmaxCut& cut, machine::CudaStream stream) {
  static_assert(Work::kWrites);
  check(turns.rows < (std::int64_t{1} << 31) - (1 << 20), "softmax: rows are numbered in 31 bits");
  if (cut.row.packs == 16) {
    launch_softmax_clusters<T, Work, 16>(work, turns, n, cut.cluster, stream);
  } else {
    launch_softmax_clusters<T, Work, 4>(work, turns, n, cut.cluster, stream);
  }
}

}  // namespace aisp::kernels::cuda
