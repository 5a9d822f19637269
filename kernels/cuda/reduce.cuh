// Sums, maxima and the like over a warp and over the threads of a row. Every thread gets the
// result, and the order is fixed: the same input gives the same bits.
//
// Source: CUDA C++ Programming Guide 13.0, warp shuffle functions.
#pragma once

namespace aisp::kernels::cuda {

/// An operation says what it combines (Value), what changes nothing, and how two become one.
struct Sum {
  using Value = float;
  __device__ static float nothing() { return 0.0F; }
  __device__ static float of(float a, float b) { return a + b; }
};
/// A NaN is the largest: it must not disappear.
struct Max {
  using Value = float;
  __device__ static float nothing() { return -__builtin_huge_valf(); }
  __device__ static float of(float a, float b) {
    float larger;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(larger) : "f"(a), "f"(b));
    return larger;
  }
};
/// Two at the price of one barrier.
template <class A, class B>
struct Both {
  using Value = float2;
  __device__ static float2 nothing() { return {A::nothing(), B::nothing()}; }
  __device__ static float2 of(float2 a, float2 b) { return {A::of(a.x, b.x), B::of(a.y, b.y)}; }
};

__device__ inline float shuffle_xor(float value, int offset) {
  return __shfl_xor_sync(0xffffffffU, value, offset);
}
__device__ inline float2 shuffle_xor(float2 value, int offset) {
  return {shuffle_xor(value.x, offset), shuffle_xor(value.y, offset)};
}
__device__ inline float3 shuffle_xor(float3 value, int offset) {
  return {shuffle_xor(value.x, offset), shuffle_xor(value.y, offset), shuffle_xor(value.z, offset)};
}

/// Over `kWidth` neighbouring lanes (a power of two).
template <class Op, int kWidth = 32>
__device__ inline typename Op::Value reduce_warp(typename Op::Value value) {
#pragma unroll
  for (int offset = kWidth / 2; offset > 0; offset /= 2) {
    value = Op::of(value, shuffle_xor(value, offset));
  }
  return value;
}

/// Over blockDim.x threads, a multiple of 32: one warp for each row of the block, or the block for
/// one row. One barrier a reduction: two sets of partial results take turns, and a warp that writes
/// a set for the second time has passed the barrier after everyone's last reading of it.
class RowReducer {
 public:
  struct Shared {
    float4 partial[2][32];  // of up to three floats each
  };
  __device__ explicit RowReducer(Shared& shared) : shared_(shared) {}

  template <class Op>
  __device__ typename Op::Value reduce(typename Op::Value value) {
    using Value = typename Op::Value;
    value = reduce_warp<Op>(value);
    if (blockDim.x == 32) return value;
    float4* partial = shared_.partial[turn_];
    turn_ ^= 1;
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    auto* values = reinterpret_cast<Value*>(partial);
    if constexpr (sizeof(Value) <= sizeof(float2)) {
      // Simple operations of few warps: one after the other, from loads of 16 bytes that do not
      // wait for each other, is sooner than five shuffles that do.
      constexpr unsigned kEach = sizeof(float4) / sizeof(Value);
      if (warps <= kFewLoads * kEach) {
        if (lane == 0) {
          values[warp] = value;
          if (warp == warps - 1) {
            for (unsigned i = warps; i % kEach != 0; ++i) values[i] = Op::nothing();
          }
        }
        __syncthreads();
        value = Op::nothing();
#pragma unroll
        for (unsigned i = 0; i < kFewLoads; ++i) {
          if (i * kEach >= warps) break;
          const float4 some = partial[i];
#pragma unroll
          for (unsigned j = 0; j < kEach; ++j) {
            value = Op::of(value, reinterpret_cast<const Value*>(&some)[j]);
          }
        }
        return value;
      }
    }
    if (lane == 0) values[warp] = value;
    __syncthreads();
    value = Op::nothing();
    if (lane < warps) value = values[lane];
    return reduce_warp<Op>(value);
  }

 private:
  static constexpr unsigned kFewLoads = 4;  // 16 warps with a float each, 8 with two
  Shared& shared_;
  int turn_ = 0;
};

}  // namespace aisp::kernels::cuda
