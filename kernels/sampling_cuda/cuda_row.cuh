// A block's slice of a row of logits, and floats in the order of their bits.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/dtype.h"
#include "kernels/cuda/pack.cuh"
#include "kernels/sampling_cuda/cuda_shape.h"

namespace aisp::kernels::sampling_cuda {

/// An integer that is larger when the float is; not for NaN.
__device__ inline std::uint32_t order_of(float x) {
  const std::uint32_t bits = __float_as_uint(x);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}
__device__ inline float float_of(std::uint32_t order) {
  return __uint_as_float((order & 0x80000000U) != 0 ? order & 0x7fffffffU : ~order);
}

/// 2^x within 2 ulp; results below 2^-126 are zero, which spares exp2f's scaling around it.
__device__ inline float exp2_flushed(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// kStaged: in shared memory after stage(); else read again in every pass. Thread t has the fours
/// t, t + kThreads, ... of the slice; what is past its end reads as -Inf.
template <class T, bool kStaged>
class Slice {
 public:
  __device__ Slice(const T* row, int vocabulary, int blocks, int rank, float* shared)
      : shared_(shared) {
    const int size = slice_size(vocabulary, blocks);
    first_ = rank * size;
    count_ = max(0, min(size, vocabulary - first_));
    from_ = row + first_;
    aligned_ = reinterpret_cast<std::uintptr_t>(from_) % (4 * sizeof(T)) == 0;
  }
  /// Calls take(four, index of its first element in the row) for each of this thread's fours.
  template <class Take>
  __device__ void for_each(Take take) const {
    const int fours = (count_ + 3) / 4;
#pragma unroll 2
    for (int i = threadIdx.x; i < fours; i += kThreads) take(four(i), first_ + 4 * i);
  }
  /// for_each() from memory, eight loads at a time; keeps the slice when staged.
  template <class Take>
  __device__ void stage(Take take) const {
    constexpr int kBatch = 8;
    const int fours = (count_ + 3) / 4;
    for (int start = threadIdx.x; start < fours; start += kBatch * kThreads) {
      float4 batch[kBatch];
#pragma unroll
      for (int b = 0; b < kBatch; ++b) {
        const int i = start + b * kThreads;
        if (i < fours) batch[b] = from_memory(i);
      }
#pragma unroll
      for (int b = 0; b < kBatch; ++b) {
        const int i = start + b * kThreads;
        if (i >= fours) continue;
        if constexpr (kStaged) reinterpret_cast<float4*>(shared_)[i] = batch[b];
        take(batch[b], first_ + 4 * i);
      }
    }
  }

 private:
  __device__ float4 four(int i) const {
    if constexpr (kStaged) return reinterpret_cast<const float4*>(shared_)[i];
    return from_memory(i);
  }
  __device__ float4 from_memory(int i) const {
    float4 x;
    if (aligned_ && 4 * i + 4 <= count_) {
      if constexpr (sizeof(T) == 4) {
        x = __ldg(reinterpret_cast<const float4*>(from_) + i);
      } else {
        const uint2 pair = __ldg(reinterpret_cast<const uint2*>(from_) + i);
        x = {cuda::bf16_low(pair.x), cuda::bf16_high(pair.x), cuda::bf16_low(pair.y),
             cuda::bf16_high(pair.y)};
      }
    } else {
      x = {one(4 * i), one(4 * i + 1), one(4 * i + 2), one(4 * i + 3)};
    }
    return x;
  }
  __device__ float one(int i) const {
    if (i >= count_) return -INFINITY;
    if constexpr (sizeof(T) == 4) {
      return __ldg(from_ + i);
    } else {
      return __uint_as_float(static_cast<std::uint32_t>(from_[i].bits) << 16);
    }
  }

  const T* from_;
  float* shared_;
  int first_, count_;
  bool aligned_;
};

}  // namespace aisp::kernels::sampling_cuda
