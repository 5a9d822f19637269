// What cross-entropy adds to the skeleton of kernels/cuda/softmax_row.cuh.
//
// Source: see cross_entropy.h.
#pragma once

#include "kernels/cross_entropy_cuda/cross_entropy.h"
#include "kernels/cuda/softmax_row.cuh"

namespace aisp::kernels::cross_entropy_cuda {

/// kKnown: the logarithms of the sums are given, and the gradient alone is wanted.
template <class T, bool kGradient, bool kSmooth, bool kKnown>
struct Loss {
  static constexpr bool kReduces = !kKnown, kTotal = kSmooth && !kKnown, kWrites = kGradient;
  struct Row {
    int label;
    float target = 0.0F;  // the label's logit
    float factor = 1.0F;  // of the gradient
    float lse = 0.0F;     // kKnown
  };
  struct All {
    float largest = 0.0F, log2_sum = 0.0F, factor = 1.0F;
    float even = 0.0F;  // what smoothing takes from every word
  };
  Request r;
  const float* row_factor;

  __device__ const T* in(std::int64_t row) const {
    return static_cast<const T*>(r.logits) + row * r.n;
  }
  __device__ T* out(std::int64_t row) const { return static_cast<T*>(r.gradient) + row * r.n; }
  __device__ bool inside(int label) const { return label >= 0 && label < r.n; }

  __device__ Row begin(std::int64_t row) const {
    Row begun{r.labels[row]};
    if (r.grad_factor != nullptr) begun.factor = *r.grad_factor;
    if constexpr (kKnown) {
      if (row_factor != nullptr) begun.factor *= row_factor[row];
      begun.lse = r.lse[row];
    }
    return begun;
  }

  __device__ void found(Row& begun, float value) const { begun.target = value; }

  __device__ All finish(std::int64_t row, Row begun, float3 sums, bool lead) const {
    All all;
    const bool ignored = begun.label == r.ignore;
    all.factor = inside(begun.label) ? begun.factor : __int_as_float(0x7fc00000);
    if (ignored) all.factor = 0.0F;
    if constexpr (kSmooth) all.even = all.factor * r.smoothing / static_cast<float>(r.n);
    if constexpr (kKnown) {
      all.largest = begun.lse;
      all.log2_sum = 0.0F;
      return all;
    }
    all.largest = sums.x;
    all.log2_sum = log2f(sums.y);
    if (lead) {
      const float log_sum = all.log2_sum * 0.69314718055994531F;  // above the largest
      // Differences first: both terms are small where the logits are large.
      float loss = (sums.x - begun.target) + log_sum;
      if constexpr (kSmooth) {
        const float mean = sums.z / static_cast<float>(r.n);
        loss = (1.0F - r.smoothing) * loss + r.smoothing * ((sums.x - mean) + log_sum);
      }
      if (!inside(begun.label)) loss = __int_as_float(0x7fc00000);
      r.loss[row] = ignored ? 0.0F : loss;
      if (r.lse != nullptr) r.lse[row] = sums.x + log_sum;
    }
    return all;
  }

  __device__ float apply(float value, const All& all) const {
    const float p = cuda::exp2_approximate(fmaf(value - all.largest, cuda::kLog2E, -all.log2_sum));
    return fmaf(p, all.factor, -all.even);
  }
  __device__ int column(Row begun) const { return inside(begun.label) ? begun.label : -1; }
  __device__ float other(Row begun, const All& all) const {
    const float hot = kSmooth ? all.factor * (1.0F - r.smoothing) : all.factor;
    return apply(begun.target, all) - hot;
  }
};

/// run(Loss) for what `r` asks: loss and gradient, the loss alone, the gradient from the lse.
template <class T, class Run>
void with_gradient(const Request& r, Run run) {
  if (r.smoothing == 0.0F) return run(Loss<T, true, false, false>{r, nullptr});
  run(Loss<T, true, true, false>{r, nullptr});
}
template <class T, class Run>
void with_loss(const Request& r, Run run) {
  if (r.gradient != nullptr) return with_gradient<T>(r, run);
  if (r.smoothing == 0.0F) return run(Loss<T, false, false, false>{r, nullptr});
  run(Loss<T, false, true, false>{r, nullptr});
}
template <class T, class Run>
void with_known(const Request& r, const float* row_factor, Run run) {
  if (r.smoothing == 0.0F) return run(Loss<T, true, false, true>{r, row_factor});
  run(Loss<T, true, true, true>{r, row_factor});
}

}  // namespace aisp::kernels::cross_entropy_cuda
