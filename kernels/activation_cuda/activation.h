// Activations and sums of tensors on the device, where no product's epilogue takes them: SwiGLU of
// the two halves of a feed-forward layer, GELU, SiLU, the residual sum, and SwiGLU's gradient.
//
// Floor: each input and output byte once over the card's copy bandwidth. Prediction for one H200
// (copy 4.1 TB/s), 16384 x 14336 bf16: SwiGLU 1.41 GB: 344 us; GELU 0.94 GB: 229 us.
// Reading order: this contract, kernels/cuda/element.cuh (the skeleton), activation.cu.
// Source: N. Shazeer, "GLU variants improve transformer" (2020); D. Hendrycks and K. Gimpel,
// "Gaussian error linear units" (2016); Abramowitz and Stegun 7.1.26 for erf in bf16.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "machine/device.h"

namespace aisp::kernels::activation_cuda {

enum class Op {
  kSwiglu,    // a / (1 + e^-a) * b
  kGelu,      // a (1 + erf(a / sqrt 2)) / 2
  kGeluTanh,  // a (1 + tanh(sqrt(2 / pi) (a + 0.044715 a^3))) / 2
  kSilu,      // a / (1 + e^-a)
  kAdd,       // a + b
};

/// rows x n of `type` (kF32 or kBF16); strides are elements from one row to the next, 0 for n. b is
/// for the operations that have it. out may be a or b. Any alignment of an element; packs of 16
/// bytes when all pointers, strides and n allow them.
/// SwiGLU of packed rows [gate | up] of 2 F: a = x, b = x + F, both strides 2 F, n = F.
struct Request {
  Op op = Op::kSwiglu;
  DType type = DType::kBF16;
  std::int64_t rows = 0;
  std::int64_t n = 0;  // below 2^31
  const void* a = nullptr;
  const void* b = nullptr;
  void* out = nullptr;
  std::int64_t a_stride = 0;
  std::int64_t b_stride = 0;
  std::int64_t out_stride = 0;
  machine::CudaStream stream = nullptr;
};

/// Enqueues; throws Error when the launch fails. Error before the rounding to `type`, u = 2^-24:
/// kSwiglu, kSilu, kGeluTanh u (8 + 4 |z|) |result| + 2^-119, z the exponent; kGelu 8 u |a|;
/// kAdd u |result|. -inf is NaN (0 times infinity) for all but kAdd.
void activate(const Request& request);

/// The gradient of kSwiglu: da = dout b s (1 + a (1 - s)), db = dout a s with s = 1 / (1 + e^-a).
/// da may be a, db may be b; the strides of a and b are theirs too. Error u (16 + 8 |a|) times
/// |dout b| (1 + |a|), and |db|, then the rounding.
void swiglu_backward(const Request& request, const void* dout, void* da, void* db);

struct Variant {
  std::string_view name;
  void (*run)(const Request&, bool aligned);  // null in a build without CUDA
  void (*run_backward)(const Request&, const void*, void*, void*, bool aligned);
  /// "" or why it cannot run on `device`.
  std::string why_not(const machine::CudaDevice& device) const;
};
/// Listed in every build.
std::span<const Variant> variants();

}  // namespace aisp::kernels::activation_cuda
