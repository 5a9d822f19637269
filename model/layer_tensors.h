// Each tensor of a model by its role, found once and checked against the config: whoever computes
// with them asks no names and no shapes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "model/tensor_file.h"

namespace aisp::model {

/// A matrix [rows, columns] as it lies in the file (a vector is one row), blocks along the columns.
/// Valid as long as the TensorFile.
struct Weight {
  std::string_view name;
  BlockType type = BlockType::kF32;
  std::int64_t rows = 0, columns = 0;
  std::span<const std::byte> bytes;

  explicit operator bool() const { return !bytes.empty(); }
  /// The same matrix, fewer rows.
  Weight slice(std::int64_t first, std::int64_t count) const;
  /// `row` to floats; out.size() == columns.
  void dequantize_row(std::int64_t row, std::span<float> out) const;
};

/// down(act(gate x) * up x)
struct FeedForward {
  Weight gate, up, down;  // [size, width] twice, [width, size]
};

/// What is not there converts to false.
struct LayerTensors {
  Weight attention_norm;                  // [width]
  Weight q, k, v, o;                      // [heads * size, width], [kv_heads * size, width] x 2,
                                          // [width, heads * size]
  Weight q_bias, k_bias, v_bias, o_bias;  // one row
  Weight q_norm, k_norm;                  // [head size]
  Weight attention_post_norm;             // [width], before the residual sum
  Weight ff_norm, ff_post_norm;           // [width]
  FeedForward dense;                      // without a router
  Weight router;                          // [experts, width]
  std::vector<FeedForward> experts;
  FeedForward shared;  // of every token, times sigmoid(shared_gate x)
  Weight shared_gate;  // [width]
};

struct ModelTensors {
  Weight embedding;    // [vocab, width]
  Weight output;       // [vocab, width]; the embedding when tied
  Weight output_bias;  // [vocab]
  Weight output_norm;  // [width]
  std::vector<LayerTensors> layers;
};

/// Throws Error naming the tensor: missing, of another shape, of a type that is not read, or there
/// without a place in this architecture (ignoring a bias would be a wrong model, quietly).
ModelTensors find_tensors(const TensorFile& file, const ModelConfig& config);

/// A vector's values, plus one where `config.norm_adds_one` says so (is_norm).
std::vector<float> vector_of(const Weight& weight, const ModelConfig& config, bool is_norm);

}  // namespace aisp::model
