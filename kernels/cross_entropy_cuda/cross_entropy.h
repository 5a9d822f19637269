// Cross-entropy over a vocabulary on the device: the loss of every language model. The logits are
// the largest tensor of a training step (16384 tokens x 128256 words in bf16: 4.2 GB), so the loss
// and the gradient come from one reading of them, and the gradient may take their place.
//
// Floor: bytes over the card's copy bandwidth. Prediction for one H200 (copy 4.1 TB/s), 8192 x
// 128256 bf16: loss alone 2.1 GB: 0.51 ms; loss and gradient 4.2 GB: 1.03 ms. Three passes (read,
// read, write), as others make, would be 1.54 ms.
// Reading order: this contract, kernels/cuda/softmax_row.cuh (the kernel), loss_work.cuh (what a
// row adds), variants.cc. Source: the row skeleton's; Szegedy et al., "Rethinking the Inception
// architecture" (2016), for label smoothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "kernels/cuda/softmax_cut.h"
#include "machine/device.h"

namespace aisp::kernels::cross_entropy_cuda {

/// With lse = log(sum e^x), p = e^(x - lse) and s = smoothing, for a row with label l:
/// loss = (1 - s) (lse - x_l) + s (lse - mean x);
/// gradient_i = factor (p_i - (1 - s) [i = l] - s / n). factor is *grad_factor, or 1.
/// A row whose label is `ignore` has loss 0 and gradient 0; any other label outside 0..n-1 makes
/// both NaN. NaN or +inf in a row makes its gradient NaN, and its loss unless it is ignored. -inf
/// is a mask (not with smoothing: the loss is inf). logits: rows x n, tight, of `type` (kF32 or
/// kBF16); gradient: the same, may be the logits, or nullptr: the loss alone. Device pointers; any
/// alignment of an element, packs of 16 bytes when logits, gradient and n allow them.
struct Request {
  DType type = DType::kBF16;
  std::int64_t rows = 0;
  std::int64_t n = 0;
  const void* logits = nullptr;
  const std::int32_t* labels = nullptr;  // rows
  float* loss = nullptr;                 // rows
  float* lse = nullptr;                  // rows, nullptr: not kept
  void* gradient = nullptr;
  const float* grad_factor = nullptr;  // one float
  std::int32_t ignore = -100;
  float smoothing = 0.0F;
  std::uint32_t* ticket = nullptr;  // as in kernels/softmax_cuda/softmax.h
  machine::CudaStream stream = nullptr;
};

/// Loss, and gradient where asked. Enqueues; throws Error when the launch fails. The same input
/// gives the same bits. Error with u = 2^-24, M the mean over p of |x - max|: loss
/// u (6 sqrt(n + 2) + 3 M + 32 + 4 |lse| + 2 |x_l|) (and s u (8 sqrt(n) mean|x| + 4 |mean x|)
/// with smoothing); gradient |factor| (p u (6 sqrt(n + 2) + 3 |x - max| + 3 M + 40) + 2 u), then
/// the rounding to `type`. Bytes: logits once, gradient once.
void cross_entropy(const Request& request);

/// The gradient alone, from the `lse` of a forward pass; loss is not used, and the gradient of row
/// r is multiplied by row_factor[r] too (nullptr: 1). Bytes: logits once, gradient once.
void backward(const Request& request, const float* row_factor);

/// *out = 1 / the number of labels that are not `ignore` (infinite when there are none): the
/// grad_factor of a mean..
void inverse_count(const std::int32_t* labels, std::int64_t rows, std::int32_t ignore, float* out,
                   machine::CudaStream stream);
/// *out = *factor * sum of loss[0..rows), in a fixed order.
void scaled_sum(const float* loss, std::int64_t rows, const float* factor, float* out,
                machine::CudaStream stream);

/// Pure.
cuda::SoftmaxCut choose_config(const Request& request, const machine::CudaDevice& device);

struct Variant {
  std::string_view name;                                 // what holds a row
  int major;                                             // compute capability that it needs
  void (*run)(const Request&, const cuda::SoftmaxCut&);  // null in a build without CUDA
  void (*run_backward)(const Request&, const float*, const cuda::SoftmaxCut&);
  /// "" or why it cannot run on `device`.
  std::string why_not(const machine::CudaDevice& device) const;
};
/// "cluster", "block": listed in every build.
std::span<const Variant> variants();

}  // namespace aisp::kernels::cross_entropy_cuda
