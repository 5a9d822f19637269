// One AdamW step over all tensors of a model in one launch on the device. Weights that a forward
// pass reads in bf16 keep their f32 master beside them.
//
// Floor: bf16 weights and gradients with f32 master and moments are 28 bytes an element (2 + 12
// read, 2 + 12 written), f32 ones too (16 read, 12 written). Prediction for one H200 (copy 4.1
// TB/s): 1.0e9 elements 6.8 ms.
// Reading order: this contract, adamw.cu (the kernel), tensors.cc (the table).
// Source: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization" (2019); D. Kingma
// and J. Ba, "Adam" (2015).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "machine/device.h"

namespace aisp::kernels::adamw_cuda {

/// One tensor: `count` elements at device addresses. parameter of Types::parameter, gradient of
/// Types::gradient, the rest f32. master is nullptr exactly when the parameter is f32.
struct Tensor {
  void* parameter = nullptr;
  const void* gradient = nullptr;
  float* master = nullptr;
  float* m = nullptr;
  float* v = nullptr;
  std::int64_t count = 0;
};

struct Types {
  DType parameter = DType::kBF16;  // kBF16 or kF32
  DType gradient = DType::kBF16;   // kF32 always; kBF16 with bf16 parameters
};

/// Part of a tensor that a block takes: at most kChunk elements.
inline constexpr std::int64_t kChunk = 8192;
struct Chunk {
  std::int64_t first = 0;
  std::int32_t tensor = 0;
};

/// The tables of tensors and chunks on the device, built once. Addresses must stay valid.
class Tensors {
 public:
  Tensors(Types types, std::span<const Tensor> tensors);
  Types types() const { return types_; }
  const Tensor* table() const { return table_.as<Tensor>(); }
  const Chunk* chunks() const { return chunks_.as<Chunk>(); }
  std::int64_t chunk_count() const { return chunk_count_; }

 private:
  Types types_;
  std::int64_t chunk_count_ = 0;
  machine::DeviceArray table_, chunks_;
};
/// Pure: the chunks of these tensors, in order.
std::vector<Chunk> cut(std::span<const Tensor> tensors);

/// With g = gradient * *grad_scale: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
/// w = w (1 - lr weight_decay) - lr m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + epsilon);
/// w is the master, and the parameter its rounding.
struct Step {
  float lr = 1e-3F;
  float beta1 = 0.9F, beta2 = 0.999F;
  float epsilon = 1e-8F;
  float weight_decay = 1e-2F;
  std::int64_t step = 1;              // from 1
  const float* grad_scale = nullptr;  // on the device; nullptr: 1
  const float* found_inf = nullptr;   // on the device; when not 0, nothing is changed
  machine::CudaStream stream = nullptr;
};

/// Enqueues; throws Error when the launch fails. Each element alone: the result does not depend on
/// the cut. Error with u = 2^-24: m 3 u (|beta1 m| + |(1 - beta1) g|), v 4 u v, w u (2 |w| + 16 lr
/// / (1 - beta1^step) (|beta1 m| + |(1 - beta1) g|) / denominator), the parameter its rounding.
void adamw(const Tensors& tensors, const Step& step);

struct Variant {
  std::string_view name;
  void (*run)(const Tensors&, const Step&);  // null in a build without CUDA
  /// "" or why it cannot run on `device`.
  std::string why_not(const machine::CudaDevice& device) const;
};
/// Listed in every build.
std::span<const Variant> variants();

}  // namespace aisp::kernels::adamw_cuda
