// One pass over the rows of a softmax: the skeleton of kernels/softmax_cuda and
// kernels/cross_entropy_cuda. A row lies in the registers of a block, or of a cluster of blocks
// that exchange their (maximum, sum) through shared memory; memory sees each element once. Rows
// for which neither suffices are read twice, the second time from L2 while it holds them.
//
// Source: M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax" (2018).
#pragma once

#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/row.cuh"
#include "kernels/cuda/softmax_cut.h"

namespace aisp::kernels::cuda {

inline constexpr float kLog2E = 1.4426950408889634F;

/// 2^x, error 2^-22 of it; below 2^-126: 0.
__device__ inline float exp2_approximate(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// x: the largest, y: the sum of e^(value - x), z: the sum of the values.
struct LogSum {
  using Value = float3;
  __device__ static float3 nothing() { return {Max::nothing(), 0.0F, 0.0F}; }
  __device__ static float scaled(float3 a, float largest) {
    // e^(-inf - -inf) would be NaN: what has no finite value yet adds nothing.
    return a.x == Max::nothing() ? 0.0F : a.y * exp2_approximate((a.x - largest) * kLog2E);
  }
  __device__ static float3 of(float3 a, float3 b) {
    const float largest = Max::of(a.x, b.x);
    return {largest, scaled(a, largest) + scaled(b, largest), a.z + b.z};
  }
};

/// The largest of what a thread holds. Pairs of bf16 are compared without being unpacked.
template <class T, int kPacks, bool kAligned>
__device__ float largest_of(const RowSlice<T, kPacks, kAligned>& slice) {
  if constexpr (sizeof(T) == 2) {
    std::uint32_t largest = 0xff80ff80U;
#pragma unroll
    for (const auto& pack : slice.pack) {
#pragma unroll
      for (const std::uint32_t word : pack.word) {
        asm("max.NaN.bf16x2 %0, %0, %1;" : "+r"(largest) : "r"(word));
      }
    }
    return Max::of(bf16_low(largest), bf16_high(largest));
  } else {
    float largest = Max::nothing();
#pragma unroll
    for (const auto& pack : slice.pack) {
#pragma unroll
      for (const std::uint32_t word : pack.word) largest = Max::of(largest, __uint_as_float(word));
    }
    return largest;
  }
}

/// LogSum of what a thread holds of n columns; what lies beyond them is -inf.
template <bool kTotal, class Slice>
__device__ float3 log_sum_of(const Slice& slice, int n, int threads) {
  float v[Slice::kCount];
  float3 own = LogSum::nothing();
  own.x = largest_of(slice);
  if (own.x == Max::nothing()) {  // all masked, or beyond the row
    const bool inside = Slice::column(0, 0, threadIdx.x, threads) < n;
    own.z = kTotal && inside ? own.x : 0.0F;
    return own;
  }
#pragma unroll
  for (int i = 0; i < static_cast<int>(std::size(slice.pack)); ++i) {
    to_floats(slice.pack[i], v);
#pragma unroll
    for (int j = 0; j < Slice::kCount; ++j) {
      own.y += exp2_approximate((v[j] - own.x) * kLog2E);
      if constexpr (kTotal) {
        if (Slice::column(i, j, threadIdx.x, threads) < n) own.z += v[j];
      }
    }
  }
  return own;
}

/// Of all blocks of a cluster, once in the life of a block.
struct ClusterSlots {
  float3 slot[8];
};
__device__ inline float3 reduce_cluster(ClusterSlots& slots, float3 value) {
#if __CUDA_ARCH__ >= 900
  const unsigned size = cluster_size();
  cluster_wait();
  if (threadIdx.x < size) *of_block(&slots.slot[cluster_rank()], threadIdx.x) = value;
  cluster_sync();
  float3 all = slots.slot[0];
  for (unsigned i = 1; i < size; ++i) all = LogSum::of(all, slots.slot[i]);
  return all;
#else
  return value;
#endif
}

/// A Work says: in(row), out(row), kReduces, kTotal (LogSum's z is used), kWrites, its types Row
/// and All, and on the device
///   Row begin(row): before anything is written;
///   All finish(row, Row, LogSum, lead): what apply gets; `lead` is one thread of the row;
///   float apply(value, All): what is written;
///   int column(Row), float other(Row, All): one column that is something else, or -1.
/// kHeld: the part of a block is at most kPacks packs a thread. kCluster: a row is a cluster's.
/// Its blocks have kClusterThreads, so that the distances of a thread's packs are constants: as
/// addresses they would not fit in the 64 registers of 1024 threads a multiprocessor.
template <class T, class Work, int kPacks, bool kAligned, bool kHeld, bool kCluster>
__global__ void __launch_bounds__(max_threads(kPacks), min_blocks(kPacks))
    softmax_rows(const Work work, const std::int64_t rows, const int n, const int part_columns) {
  using Slice = RowSlice<T, kPacks, kAligned>;
  constexpr int kCount = Slice::kCount;
  constexpr std::uint32_t kMinusInfinity = sizeof(T) == 2 ? 0xff80ff80U : 0xff800000U;
  __shared__ RowReducer::Shared shared;
  __shared__ ClusterSlots slots;
  RowReducer reducer(shared);
  const int thread = threadIdx.x, threads = kCluster ? kClusterThreads : blockDim.x;
  const int step = kPacks * threads * kCount;
  int begin = 0, end = n, parts = 1;
#if __CUDA_ARCH__ >= 900
  if constexpr (kCluster) {
    if (Work::kReduces)
      cluster_arrive();  // waited for before a neighbour's memory is written: it must have started
    begin = cluster_rank() * part_columns;
    end = min(n, begin + part_columns);
    parts = cluster_size();
  }
#endif
  const bool lead = thread == 0 && begin == 0;
  std::int64_t row = first_row() / parts;
  for (; row < rows; row += row_step() / parts) {
    const T* in = static_cast<const T*>(work.in(row));
    Slice slice;
    if (kHeld) slice.load(in + begin, end - begin, thread, threads, kMinusInfinity);
    const typename Work::Row begun = work.begin(row);
    float3 sums{};
    if constexpr (Work::kReduces) {
      if constexpr (kHeld) {
        sums = log_sum_of<Work::kTotal>(slice, end - begin, threads);
      } else {
        sums = LogSum::nothing();
        for (int at = 0; at < end; at += step) {
          slice.load(in + at, end - at, thread, threads, kMinusInfinity);
          sums = LogSum::of(sums, log_sum_of<Work::kTotal>(slice, end - at, threads));
        }
      }
      sums = reducer.reduce<LogSum>(sums);
      if constexpr (kCluster) sums = reduce_cluster(slots, sums);
    }
    const typename Work::All all = work.finish(row, begun, sums, lead);
    if constexpr (Work::kWrites) {
      T* out = static_cast<T*>(work.out(row));
      for (int at = begin; at < end; at += kHeld ? end : step) {
        if (!kHeld) slice.load(in + at, end - at, thread, threads, kMinusInfinity);
#pragma unroll
        for (int i = 0; i < kPacks; ++i) {
          float v[kCount];
          to_floats(slice.pack[i], v);
#pragma unroll
          for (float& value : v) value = work.apply(value, all);
          Slice::template store<T>(out + at, i, v, end - at, thread, threads);
        }
      }
    }
    if constexpr (Work::kWrites) {
      // By the thread that wrote it just now: no other order is sure.
      const int other = work.column(begun), distance = other - begin;
      if (distance >= 0 && other < end &&
          (kAligned ? distance / kCount : distance) % threads == thread) {
        work.out(row)[other] = static_cast<T>(work.other(begun, all));
      }
    }
    if constexpr (kCluster) break;  // registers for a second row's addresses would be spilled
  }
}

/// Launches softmax_rows of `work` as `cut` says, without clusters.
template <class T, class Work>
void run_softmax_rows(const Work& work, std::int64_t rows, std::int64_t n, const SoftmaxCut& cut,
                      machine::CudaStream stream) {
  const int columns = static_cast<int>(n);
  if (!cut.row.aligned) {
    launch_rows(softmax_rows<T, Work, 4, false, false, false>, cut.row, stream, work, rows, columns,
                columns);
  } else if (!cut.held) {
    launch_rows(softmax_rows<T, Work, 4, true, false, false>, cut.row, stream, work, rows, columns,
                columns);
  } else {
    with_packs(cut.row.packs, [&](auto packs) {
      launch_rows(softmax_rows<T, Work, packs(), true, true, false>, cut.row, stream, work, rows,
                  columns, columns);
    });
  }
}

/// With clusters; 4 or 8 packs a thread. sm_90 and later.
template <class T, class Work>
void run_softmax_clusters(const Work& work, std::int64_t rows, std::int64_t n,
                          const SoftmaxCut& cut, machine::CudaStream stream) {
  cudaLaunchAttribute cluster;
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {static_cast<unsigned>(cut.cluster), 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(cut.row.blocks));
  config.blockDim = dim3(cut.row.threads);
  config.stream = stream;
  config.attrs = &cluster;
  config.numAttrs = 1;
  const auto kernel = cut.row.packs == 8 ? softmax_rows<T, Work, 8, true, true, true>
                                         : softmax_rows<T, Work, 4, true, true, true>;
  constexpr std::int64_t kCount = kLanes<T>;
  const std::int64_t packs = (n + kCount - 1) / kCount;
  const auto part = static_cast<int>((packs + cut.cluster - 1) / cut.cluster * kCount);
  AISP_CUDA(cudaLaunchKernelEx(&config, kernel, work, rows, static_cast<int>(n), part));
}

}  // namespace aisp::kernels::cuda
