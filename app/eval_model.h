// What both commands of `aisp eval` need: an opened model with its tokenizer, the tokens of a text,
// and progress that ends at Ctrl-C.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/progress.h"
#include "model/kv_cache.h"
#include "model/layer_tensors.h"
#include "text/tokenizer.h"

namespace aisp::app {

using Tokens = std::vector<std::int32_t>;

/// Mapped, not packed. Throws Error: no model, or more pieces than rows.
struct EvalModel {
  explicit EvalModel(const std::string& path);
  EvalModel(const EvalModel&) = delete;
  EvalModel& operator=(const EvalModel&) = delete;

  model::TensorFile file;
  model::ModelConfig config;
  model::ModelTensors tensors;
  text::Tokenizer tokenizer;
};

/// f32, f16, bf16 or i8.
model::KvType kv_type_of(const std::string& name);

/// Of the whole file, begin and end of text as the tokenizer adds them; the first `most`, 0: all.
/// Throws Error: it cannot be read, or has fewer than two tokens.
Tokens tokens_of_file(const text::Tokenizer& tokenizer, const std::string& path, std::int64_t most);

/// `context`, or what the model takes where that is less.
std::int64_t window_of(const model::ModelConfig& config, std::int64_t context);

/// A bar in twentieths on standard error.
class EvalProgress {
 public:
  EvalProgress();
  /// Whether to go on.
  bool show(std::size_t done, std::size_t all, const std::string& now);

 private:
  Progress bar_;
};

}  // namespace aisp::app
