// A model's weights as the kernels multiply them: every matrix packed once into one region on huge
// pages, every vector in f32. The embedding stays in the file: a batch reads a few of its rows.
// Types that the kernels do not multiply are widened to f32, which changes no weight.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "kernels/linear/linear.h"
#include "machine/crew.h"
#include "machine/thread_pool.h"
#include "model/config.h"
#include "model/layer_tensors.h"

namespace aisp::model {

using Matrix = kernels::linear::Matrix;

struct FeedForwardWeights {
  Matrix gate, up, down;  // [size, width] twice, [width, size]
};

/// As in LayerTensors. What is not there is empty; a matrix that is not there has n == 0.
struct LayerWeights {
  std::vector<float> attention_norm, q_norm, k_norm, attention_post_norm, ff_norm, ff_post_norm;
  std::vector<float> q_bias, k_bias, v_bias, o_bias;
  Matrix q, k, v, o;
  FeedForwardWeights dense;
  Matrix router;
  std::vector<FeedForwardWeights> experts;
  FeedForwardWeights shared;
  Matrix shared_gate;  // one output
};

class Weights {
 public:
  /// Packs everything on `pool`; `tensors` (and the file behind them) must outlive this. Throws
  /// Error when memory is refused. Cost: each byte read and written once.
  Weights(const ModelTensors& tensors, const ModelConfig& config, machine::ThreadPool& pool);

  /// The same with matrices that lie packed already: `packed` is packed() of such weights, on a
  /// line of 64 bytes, and must outlive this. Copies vectors only.
  Weights(const ModelTensors& tensors, const ModelConfig& config,
          std::span<const std::byte> packed);
  /// What packed() will have in all.
  static std::int64_t packed_bytes(const ModelTensors& tensors);

  std::span<const std::byte> packed() const { return packed_; }
  const ModelConfig& config() const { return config_; }
  const Weight& embedding() const { return embedding_; }
  const std::vector<LayerWeights>& layers() const { return layers_; }
  const Matrix& output() const { return output_; }
  const std::vector<float>& output_norm() const { return output_norm_; }
  const std::vector<float>& output_bias() const { return output_bias_; }

  std::int64_t packed_bytes() const { return static_cast<std::int64_t>(packed_.size()); }
  /// Bytes that one token reads: all matrices, of the experts only those it uses.
  std::int64_t bytes_per_token() const { return bytes_per_token_; }

 private:
  Weights(const ModelTensors& tensors, const ModelConfig& config);  // all but the matrices
  void place(const ModelTensors& tensors, const std::function<Matrix(const Weight&)>& matrix_of);

  ModelConfig config_;
  Weight embedding_;
  std::vector<LayerWeights> layers_;
  Matrix output_;
  std::vector<float> output_norm_, output_bias_;
  std::optional<machine::PageBuffer> memory_;  // none when `packed_` is somebody else's
  std::span<const std::byte> packed_;
  std::int64_t bytes_per_token_ = 0;
};

}  // namespace aisp::model
