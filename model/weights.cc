// See weights.h.
#include "model/weights.h"

#include <optional>

#include "base/check.h"

namespace aisp::model {
namespace {

namespace linear = kernels::linear;

std::optional<linear::Type> multiplied_type(BlockType type) {
  switch (type) {
    case BlockType::kF32:
      return linear::Type::kF32;
    case BlockType::kF16:
      return linear::Type::kF16;
    case BlockType::kBF16:
      return linear::Type::kBF16;
    case BlockType::kQ8_0:
      return linear::Type::kQ8_0;
    case BlockType::kQ4_0:
      return linear::Type::kQ4_0;
    case BlockType::kQ4_K:
      return linear::Type::kQ4_K;
    case BlockType::kQ6_K:
      return linear::Type::kQ6_K;
    default:
      return std::nullopt;
  }
}

std::int64_t size_of(const Weight& w) {
  const auto type = multiplied_type(w.type).value_or(linear::Type::kF32);
  constexpr std::int64_t kLine = 64;
  return w ? (linear::packed_bytes(type, w.rows, w.columns) + kLine - 1) / kLine * kLine : 0;
}

// Every matrix of the model with the place it goes to, in the order a token meets them.
template <typename Visit>
void for_each_matrix(const ModelTensors& from, std::vector<LayerWeights>& to, Matrix& output,
                     Visit visit) {
  const auto feed_forward = [&](const FeedForward& source, FeedForwardWeights& target, bool used) {
    visit(source.gate, target.gate, used);
    visit(source.up, target.up, used);
    visit(source.down, target.down, used);
  };
  for (std::size_t i = 0; i < from.layers.size(); ++i) {
    const LayerTensors& source = from.layers[i];
    LayerWeights& target = to[i];
    visit(source.q, target.q, true);
    visit(source.k, target.k, true);
    visit(source.v, target.v, true);
    visit(source.o, target.o, true);
    visit(source.router, target.router, true);
    feed_forward(source.dense, target.dense, true);
    target.experts.resize(source.experts.size());
    for (std::size_t e = 0; e < source.experts.size(); ++e) {
      feed_forward(source.experts[e], target.experts[e], false);
    }
    feed_forward(source.shared, target.shared, true);
    visit(source.shared_gate, target.shared_gate, true);
  }
  visit(from.output, output, true);
}

/// Matrices one after the other, each on a line of its own.
class Places {
 public:
  explicit Places(std::size_t bytes) : left_(bytes) {}

  /// Where the next one begins.
  std::size_t next(const Weight& w) {
    const auto bytes = static_cast<std::size_t>(size_of(w));
    check(bytes <= left_, "packed weights of this model");
    left_ -= bytes;
    at_ += bytes;
    return at_ - bytes;
  }

 private:
  std::size_t at_ = 0, left_;
};

Matrix pack(const Weight& w, std::span<std::byte> to, machine::ThreadPool& pool) {
  if (const auto type = multiplied_type(w.type)) {
    return linear::pack(*type, w.rows, w.columns, w.bytes.data(), to, pool);
  }
  std::vector<float> wide(static_cast<std::size_t>(w.rows * w.columns));
  const auto row = static_cast<std::size_t>(w.columns);
  pool.parallel_for(w.rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      w.dequantize_row(i, std::span(wide).subspan(static_cast<std::size_t>(i) * row, row));
    }
  });
  return linear::pack(linear::Type::kF32, w.rows, w.columns,
                      reinterpret_cast<const std::byte*>(wide.data()), to, pool);
}

}  // namespace

std::int64_t Weights::packed_bytes(const ModelTensors& tensors) {
  std::vector<LayerWeights> layers(tensors.layers.size());
  Matrix output;
  std::int64_t bytes = 0;
  for_each_matrix(tensors, layers, output,
                  [&](const Weight& w, Matrix&, bool) { bytes += size_of(w); });
  return bytes;
}

Weights::Weights(const ModelTensors& tensors, const ModelConfig& config)
    : config_(config), embedding_(tensors.embedding), layers_(tensors.layers.size()) {
  const auto values = [&](const Weight& w, bool is_norm) {
    return w ? vector_of(w, config, is_norm) : std::vector<float>();
  };
  output_norm_ = values(tensors.output_norm, true);
  output_bias_ = values(tensors.output_bias, false);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const LayerTensors& from = tensors.layers[i];
    LayerWeights& to = layers_[i];
    to.attention_norm = values(from.attention_norm, true);
    to.q_norm = values(from.q_norm, true);
    to.k_norm = values(from.k_norm, true);
    to.attention_post_norm = values(from.attention_post_norm, true);
    to.ff_norm = values(from.ff_norm, true);
    to.ff_post_norm = values(from.ff_post_norm, true);
    to.q_bias = values(from.q_bias, false);
    to.k_bias = values(from.k_bias, false);
    to.v_bias = values(from.v_bias, false);
    to.o_bias = values(from.o_bias, false);
  }
}

Weights::Weights(const ModelTensors& tensors, const ModelConfig& config, machine::ThreadPool& pool)
    : Weights(tensors, config) {
  memory_.emplace(static_cast<std::size_t>(packed_bytes(tensors)));
  const std::span<std::byte> memory(memory_->data(), memory_->size_bytes());
  packed_ = memory;
  Places places(memory.size());
  place(tensors, [&](const Weight& w) { return pack(w, memory.subspan(places.next(w)), pool); });
}

Weights::Weights(const ModelTensors& tensors, const ModelConfig& config,
                 std::span<const std::byte> packed)
    : Weights(tensors, config) {
  packed_ = packed;
  Places places(packed.size());
  place(tensors, [&](const Weight& w) -> Matrix {
    return {.type = multiplied_type(w.type).value_or(linear::Type::kF32),
            .n = w.rows,
            .k = w.columns,
            .data = packed.data() + places.next(w)};
  });
}

void Weights::place(const ModelTensors& tensors,
                    const std::function<Matrix(const Weight&)>& matrix_of) {
  double experts = 0.0;
  for_each_matrix(tensors, layers_, output_, [&](const Weight& w, Matrix& to, bool always) {
    if (!w) return;
    to = matrix_of(w);
    if (always)
      bytes_per_token_ += size_of(w);
    else
      experts += static_cast<double>(size_of(w));
  });
  if (config_.experts.count > 0) {
    bytes_per_token_ +=
        static_cast<std::int64_t>(experts * static_cast<double>(config_.experts.used) /
                                  static_cast<double>(config_.experts.count));
  }
}

}  // namespace aisp::model
