// What softmax adds to the skeleton of kernels/cuda/softmax_row.cuh.
//
// Source: see softmax.h.
#pragma once

#include "kernels/cuda/softmax_row.cuh"
#include "kernels/softmax_cuda/softmax.h"

namespace aisp::kernels::softmax_cuda {

template <class T>
struct Probabilities {
  static constexpr bool kReduces = true, kTotal = false, kWrites = true;
  using Row = bool;    // nothing
  using All = float2;  // the maximum, and the binary logarithm of the sum
  const T* x;
  T* y;
  std::int64_t n;

  __device__ const T* in(std::int64_t row) const { return x + row * n; }
  __device__ T* out(std::int64_t row) const { return y + row * n; }
  __device__ Row begin(std::int64_t) const { return true; }
  __device__ void found(Row&, float) const {}
  __device__ All finish(std::int64_t, Row, float3 sums, bool) const {
    return {sums.x, log2f(sums.y)};
  }
  __device__ float apply(float value, All all) const {
    return cuda::exp2_approximate(fmaf(value - all.x, cuda::kLog2E, -all.y));
  }
  __device__ int column(Row) const { return -1; }
  __device__ float other(Row, All) const { return 0.0F; }
};

template <class T>
Probabilities<T> probabilities(const Request& r) {
  return {static_cast<const T*>(r.x), static_cast<T*>(r.y), r.n};
}

}  // namespace aisp::kernels::softmax_cuda
