// Answers on the real transformer whose tokens may leave it after its first layers: N requests side
// by side, P tokens of prompt, A of answer. The problem is that of recorded/requests.h with its own
// output matrix, and with tokens of three kinds (below), of which one needs all layers. A technique
// that leaves early changes the logits: the tolerance says by how much it may. Params: N, P, A; E:
// the layers before the exit; M, L, V as there.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bench/lab.h"
#include "model/batch_rows.h"
#include "recorded/requests.h"

namespace aisp::labs::ch16::early_exit {

recorded::Shape shape_of(const bench::Params& params);

/// How much larger a token's embedding is than what all layers add to it: 1 for a quarter of the
/// tokens, 16 for a quarter, 64 for the rest. That is what the layers can still change.
float size_of_token(std::int64_t token);

/// The transformer with an exit, and what a plan keeps. One thread.
class Model {
 public:
  explicit Model(const bench::Params& params);

  /// Answers all requests of a call, a token of each a step; the prompts pass all layers. A row
  /// leaves at the exit when the layer before it changed it by less than `least_change` of its
  /// size; 0: none does. Its keys and values in the other layers are then those of the row as it
  /// left.
  void answer_all(const bench::Io& io, double least_change);
  /// Rows of answers of the last call, and those that left.
  std::int64_t rows() const { return rows_; }
  std::int64_t left() const { return left_; }

 private:
  /// Rows of a step that go the same way.
  struct Part {
    std::optional<model::Transformer> transformer;
    model::BatchRows rows;
    std::vector<std::int64_t> requests;
  };
  void begin(const bench::Io& io);
  void step(std::int64_t first, std::int64_t count, double least_change);
  void add(Part& part, std::int64_t request, std::int64_t first, std::int64_t count);
  void split(std::int64_t first, double least_change);
  void finish(Part& part, std::int64_t answer);

  recorded::Shape shape_;
  std::int64_t exit_, layers_;
  machine::ThreadPool pool_{1};
  model::KvCache cache_;
  std::optional<model::TensorFile> file_;
  std::optional<model::Weights> weights_;  // always in this place: the transformers look here
  Part all_, staying_, leaving_;
  std::vector<std::int32_t> blocks_;
  std::vector<float> before_;  // the rows before the last layer before the exit
  std::vector<float> logits_;
  std::int64_t rows_ = 0, left_ = 0;
  // Of this call.
  std::span<const std::int32_t> tokens_;
  std::span<float> output_;
};

bench::Technique with_exit(const char* name, const char* summary, double least_change);

bench::Technique all_layers();
bench::Technique careful_exit();
bench::Technique eager_exit();

}  // namespace aisp::labs::ch16::early_exit
