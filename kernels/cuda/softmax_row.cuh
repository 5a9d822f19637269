// One pass over the rows of a softmax: the skeleton of kernels/softmax_cuda and
// kernels/cross_entropy_cuda. A row lies in the registers of a block (or of a cluster of blocks:
// softmax_cluster.cuh), so that memory sees each element once. Rows for which these do not suffice
// are read twice, the second time from L2 while it holds them.
//
// Source: M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax" (2018).
#pragma once

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

/// A word of elements of -inf.
template <class T>
inline constexpr std::uint32_t kMinusInfinity = sizeof(T) == 2 ? 0xff80ff80U : 0xff800000U;

/// A Work says: in(row), out(row), kReduces, kTotal (LogSum's z is used), kWrites, its types Row
/// and All, and on the device
///   Row begin(row): what is known without the row itself;
///   int column(Row): one column that is written as something else, or -1;
///   found(Row&, value): that column's value, before anything is written;
///   All finish(row, Row, LogSum, lead): what apply gets; `lead` is one thread of the row, which
///     knows the other column's value;
///   float apply(value, All): what is written; float other(Row, All): in the other column.
template <class Work, class T, int kPacks, bool kAligned>
__device__ void write_slice(const Work& work, const typename Work::All& all,
                            const RowSlice<T, kPacks, kAligned>& slice, T* out, int n, int thread,
                            int threads) {
  using Slice = RowSlice<T, kPacks, kAligned>;
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    float v[Slice::kCount];
    to_floats(slice.pack[i], v);
#pragma unroll
    for (float& value : v) value = work.apply(value, all);
    Slice::template store<T>(out, i, v, n, thread, threads);
  }
}

/// The one other column, by the thread that has just written its `kTogether` neighbours: no other
/// order of the two writes is sure.
template <int kTogether, class Work>
__device__ void write_other(const Work& work, std::int64_t row, const typename Work::Row& begun,
                            const typename Work::All& all, int begin, int end, int thread,
                            int threads) {
  const int other = work.column(begun), distance = other - begin;
  if (distance < 0 || other >= end || distance / kTogether % threads != thread) return;
  auto* out = work.out(row);
  out[other] = static_cast<std::remove_reference_t<decltype(*out)>>(work.other(begun, all));
}

/// kHeld: the row is at most kPacks packs a thread; else it is read twice.
template <class T, class Work, int kPacks, bool kAligned, bool kHeld>
__global__ void __launch_bounds__(max_threads(kPacks), min_blocks(kPacks))
    softmax_rows(const Work work, const std::int64_t rows, const int n) {
  using Slice = RowSlice<T, kPacks, kAligned>;
  constexpr int kCount = Slice::kCount;
  __shared__ RowReducer::Shared shared;
  RowReducer reducer(shared);
  const int thread = threadIdx.x, threads = blockDim.x, step = kPacks * threads * kCount;
  for (std::int64_t row = first_row(); row < rows; row += row_step()) {
    const T* in = static_cast<const T*>(work.in(row));
    Slice slice;
    if (kHeld) slice.load(in, n, thread, threads, kMinusInfinity<T>);
    typename Work::Row begun = work.begin(row);
    if (const int other = work.column(begun); other >= 0) {
      work.found(begun, static_cast<float>(in[other]));
    }
    float3 sums{};
    if constexpr (Work::kReduces) {
      if constexpr (kHeld) {
        sums = log_sum_of<Work::kTotal>(slice, n, threads);
      } else {
        sums = LogSum::nothing();
        for (int at = 0; at < n; at += step) {
          slice.load(in + at, n - at, thread, threads, kMinusInfinity<T>);
          sums = LogSum::of(sums, log_sum_of<Work::kTotal>(slice, n - at, threads));
        }
      }
      sums = reducer.reduce<LogSum>(sums);
    }
    const typename Work::All all = work.finish(row, begun, sums, thread == 0);
    if constexpr (kHeld) slice.forget_floats();
    if constexpr (Work::kWrites) {
      T* out = static_cast<T*>(work.out(row));
      for (int at = 0; at < n; at += kHeld ? n : step) {
        if (!kHeld) slice.load(in + at, n - at, thread, threads, kMinusInfinity<T>);
        write_slice(work, all, slice, out + at, n - at, thread, threads);
      }
      write_other<kAligned ? kCount : 1>(work, row, begun, all, 0, n, thread, threads);
    }
  }
}

/// Launches softmax_rows of `work` as `cut` says.
template <class T, class Work>
void run_softmax_rows(const Work& work, std::int64_t rows, std::int64_t n, const SoftmaxCut& cut,
                      machine::CudaStream stream) {
  const int columns = static_cast<int>(n);
  if (!cut.row.aligned) {
    launch_rows(softmax_rows<T, Work, 4, false, false>, cut.row, stream, work, rows, columns);
  } else if (!cut.held) {
    launch_rows(softmax_rows<T, Work, 4, true, false>, cut.row, stream, work, rows, columns);
  } else {
    with_packs(cut.row.packs, [&](auto packs) {
      launch_rows(softmax_rows<T, Work, packs(), true, true>, cut.row, stream, work, rows, columns);
    });
  }
}

}  // namespace aisp::kernels::cuda
