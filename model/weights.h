// A model's weights as the kernels multiply them: every matrix packed once into one region, which
// lies in memory on huge pages or is a file beside the model (packed_file.h); every vector in f32.
// The embedding stays in the file: a batch reads a few of its rows. Types that the kernels do not
// multiply are widened to f32, which changes no weight.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/linear/linear.h"
#include "machine/crew.h"
#include "machine/thread_pool.h"
#include "model/config.h"
#include "model/layer_tensors.h"
#include "model/packed_file.h"

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
  /// Packs everything on `pool`; `tensors` (and the file behind them) must outlive this. With
  /// `keep`, the file that `tensors` are of: maps what an earlier start kept beside it, or keeps it
  /// now; where that cannot be, note() says why. Throws Error when memory is refused. Cost: packing
  /// reads and writes each byte once; a kept file is read once.
  Weights(const ModelTensors& tensors, const ModelConfig& config, machine::ThreadPool& pool,
          const TensorFile* keep = nullptr);

  /// The same with matrices that somebody else owns: `packed` is what packed() of such weights
  /// gives, on a line of 64 bytes, and must outlive this. Copies vectors only.
  Weights(const ModelTensors& tensors, const ModelConfig& config,
          std::span<const std::byte> packed);
  /// The size of packed(), before there is any.
  static std::int64_t packed_bytes(const ModelTensors& tensors);

  /// All matrices, in the order in which a token meets them.
  std::span<const std::byte> packed() const { return packed_; }
  const ModelConfig& config() const { return config_; }
  const Weight& embedding() const { return embedding_; }
  const std::vector<LayerWeights>& layers() const { return layers_; }
  const Matrix& output() const { return output_; }
  const std::vector<float>& output_norm() const { return output_norm_; }
  const std::vector<float>& output_bias() const { return output_bias_; }

  std::int64_t packed_bytes() const { return static_cast<std::int64_t>(packed_.size()); }
  /// A line for people about the file beside the model; empty when it was mapped as it was, or not
  /// wanted.
  const std::string& note() const { return note_; }
  bool is_mapped() const { return mapped_.has_value(); }
  /// Bytes that one token reads: all matrices, of the experts only those it uses.
  std::int64_t bytes_per_token() const { return bytes_per_token_; }

 private:
  void read_vectors(const ModelTensors& tensors);

  ModelConfig config_;
  Weight embedding_;
  std::vector<LayerWeights> layers_;
  Matrix output_;
  std::vector<float> output_norm_, output_bias_;
  std::optional<machine::PageBuffer> memory_;  // one of the two holds the matrices, or neither
  std::optional<PackedFile> mapped_;
  std::span<const std::byte> packed_;
  std::string note_;
  std::int64_t bytes_per_token_ = 0;
};

/// Packs every matrix of the model again and compares all bytes with the file kept beside it. Cost:
/// as packing.
struct PackedCheck {
  std::string path;
  bool there = false;
  std::string fault;  // empty: it is what packing makes
};
PackedCheck check_packed(const TensorFile& file, const ModelTensors& tensors,
                         machine::ThreadPool& pool);

}  // namespace aisp::model
