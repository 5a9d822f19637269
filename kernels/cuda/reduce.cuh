// Sums and maxima over a warp and over the threads of a row. Every thread gets the result, and the
// order of the additions is fixed: the same input gives the same bits.
//
// Source: CUDA C++ Programming Guide 13.0, warp shuffle functions.
#pragma once

#include <type_traits>

namespace aisp::kernels::cuda {

struct Sum {
  static constexpr float kNothing = 0.0F;
  __device__ static float of(float a, float b) { return a + b; }
};
/// A NaN is the largest: it must not disappear.
struct Max {
  static constexpr float kNothing = -__builtin_huge_valf();
  __device__ static float of(float a, float b) {
#if __CUDA_ARCH__ >= 800
    float larger;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(larger) : "f"(a), "f"(b));
    return larger;
#else
    return a > b || a != a ? a : b;
#endif
  }
};

/// Over `kWidth` neighbouring lanes (a power of two).
template <class Op, int kWidth = 32>
__device__ inline float reduce_warp(float value) {
#pragma unroll
  for (int offset = kWidth / 2; offset > 0; offset /= 2) {
    value = Op::of(value, __shfl_xor_sync(0xffffffffU, value, offset));
  }
  return value;
}

/// Over blockDim.x threads, a multiple of 32: one warp for each row of the block, or the block for
/// one row. One barrier a reduction: two sets of partial results take turns, and a warp that writes
/// a set for the second time has passed the barrier after everyone's last reading of it.
class RowReducer {
 public:
  struct Shared {
    float partial[2][2][32];
  };
  __device__ explicit RowReducer(Shared& shared) : shared_(shared) {}

  template <class Op>
  __device__ float reduce(float value) {
    float none = 0.0F;
    reduce<Op, void>(value, none);
    return value;
  }
  /// Two at the price of one barrier. Other = void: `b` is left out.
  template <class Op, class Other>
  __device__ void reduce(float& a, float& b) {
    constexpr bool kTwo = !std::is_void_v<Other>;
    a = reduce_warp<Op>(a);
    if constexpr (kTwo) b = reduce_warp<Other>(b);
    if (blockDim.x == 32) return;
    auto& partial = shared_.partial[turn_];
    turn_ ^= 1;
    const unsigned lane = threadIdx.x % 32, warps = blockDim.x / 32;
    if (lane == 0) {
      partial[0][threadIdx.x / 32] = a;
      if constexpr (kTwo) partial[1][threadIdx.x / 32] = b;
    }
    __syncthreads();
    a = reduce_warp<Op>(lane < warps ? partial[0][lane] : Op::kNothing);
    if constexpr (kTwo) b = reduce_warp<Other>(lane < warps ? partial[1][lane] : Other::kNothing);
  }

 private:
  Shared& shared_;
  int turn_ = 0;
};

}  // namespace aisp::kernels::cuda
