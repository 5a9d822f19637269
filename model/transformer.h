// The forward pass of every architecture: rows of tokens to logits. What differs between models is
// in ModelConfig and in which weights are there; no name is asked. A row's logits depend on its own
// sequence alone, bit for bit: not on the other rows, on how a prompt was cut, on the blocks it
// landed in or on the threads (see docs/ENGINE.md).
// Reading order: forward(), attention(), feed_forward(), mixture.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "machine/thread_pool.h"
#include "model/batch.h"
#include "model/kv_cache.h"
#include "model/weights.h"

namespace aisp::model {

/// What the matrices of a call cost: bytes read from memory (of experts, those that got a row), and
/// multiplications and additions with 8-, 6- and 4-bit weights and with floats. Attention is not in
/// it.
struct MatrixWork {
  std::int64_t bytes = 0;
  double integer_operations = 0.0, float_operations = 0.0;
};

class Transformer {
 public:
  /// Room for `most_rows` rows a call, allocated here. All three must outlive this.
  Transformer(const Weights& weights, KvCache& cache, machine::ThreadPool& pool,
              std::int64_t most_rows);
  ~Transformer();

  /// Appends the keys and values of all rows to `cache` and writes logits [logits_of, vocab] and
  /// `states` [hidden_of, width], those behind the last norm, in f32. Tokens are below vocab;
  /// blocks belong to their sequences. Does not allocate once it has seen its largest batch. Cost:
  /// 2 operations a parameter and row, each weight read once a call.
  void forward(const Batch& batch, std::span<float> logits, std::span<float> states = {});

  /// The same in parts, for who looks or leaves between layers: begin(), layer() for each index in
  /// order, finish(). `batch` and what it points to must live until then.
  void begin(const Batch& batch);
  void layer(std::int64_t index);
  void finish(std::span<float> logits, std::span<float> states = {});
  /// In place of layer(): appends the keys and values that the rows as they are have there, and
  /// leaves the rows alone.
  void only_keys_and_values(std::int64_t index);
  /// The rows between two of these calls, [rows, width]; may be changed.
  std::span<float> hidden();

  /// Of the last forward(), or since begin().
  const MatrixWork& work() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace aisp::model
