// A made model whose bytes belong to somebody else: a lab's inputs, which the instrument owns, or a
// test's buffer. Only sizes are known when it is described; then the bytes are filled from a seed,
// and any call makes a transformer of views into them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "model/make_model.h"
#include "model/transformer.h"

namespace aisp::model {

class LentModel {
 public:
  /// A model of this shape whose matrices are stored as `type` (see MakeOptions).
  LentModel(const ModelConfig& config, const std::string& type);

  const ModelConfig& config() const { return config_; }
  /// Of its memory, on a line of 64 bytes: the tensors as a file holds them, then the same matrices
  /// packed for the kernels.
  std::int64_t bytes() const { return stored_bytes_ + packed_bytes_; }
  std::int64_t packed_bytes() const { return packed_bytes_; }

  /// What a sequence of so many tokens needs: two operations a weight of the layers that a token
  /// passes, attention over what it sees, and logits for so many of the tokens.
  double operations(std::int64_t tokens, std::int64_t logits) const;

  /// Makes the weights of this seed and packs them. Some 10 ns a weight.
  void fill(std::uint64_t seed, std::span<std::byte> memory) const;
  /// Packs again, for who has changed the bytes of tensors.
  void pack(std::span<std::byte> memory) const;
  /// Tokens of its vocabulary at random.
  void fill_tokens(std::uint64_t seed, std::span<std::int32_t> tokens) const;

  /// The tensors as views of that memory, without metadata; and the packed part of it.
  TensorFile file(std::span<const std::byte> memory) const;
  std::span<const std::byte> packed(std::span<const std::byte> memory) const {
    return memory.subspan(static_cast<std::size_t>(stored_bytes_));
  }

 private:
  MakeOptions options(std::uint64_t seed) const;

  ModelConfig config_;
  std::string type_;
  std::vector<Tensor> layout_;  // names, types and shapes; bytes are sizes only
  std::int64_t stored_bytes_ = 0, packed_bytes_ = 0;
};

/// That model ready to compute, call after call: the transformer's rows and scratch stay, the
/// weights are those of each call. Everything given must outlive this.
class LentTransformer {
 public:
  LentTransformer(const LentModel& model, KvCache& cache, machine::ThreadPool& pool,
                  std::int64_t most_rows)
      : model_(model), cache_(cache), pool_(pool), most_rows_(most_rows) {}
  LentTransformer(const LentTransformer&) = delete;

  /// The transformer on the weights that lie in `memory` now: views, and copies of the norms, some
  /// 20 us for the shapes of labs. The first call allocates its rows.
  Transformer& on(std::span<const std::byte> memory);
  const Weights& weights() const { return *weights_; }

 private:
  const LentModel& model_;
  KvCache& cache_;
  machine::ThreadPool& pool_;
  std::int64_t most_rows_;
  std::optional<TensorFile> file_;
  std::optional<Weights> weights_;  // always in this place: the transformer looks here
  std::optional<Transformer> transformer_;
};

}  // namespace aisp::model
