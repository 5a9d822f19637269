// A model file ready to generate: opened, packed, with its tokenizer, an executor whose time was
// measured, and an engine around it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/tensor_file.h"
#include "model/tokenizer_of.h"
#include "model/weights.h"
#include "serve/draft_model.h"
#include "serve/engine.h"
#include "serve/model_executor.h"
#include "text/chat_template.h"
#include "text/grammar.h"
#include "text/tokenizer.h"

namespace aisp::serve {

struct LoadOptions {
  std::string model;
  int threads = 0;           // 0: one per core
  std::string kv = "bf16";   // f32, f16, bf16, i8
  double kv_memory_gib = 0;  // 0: an eighth of the machine's memory
  int max_running = 32;
  int slots = 64;            // requests in the engine, waiting ones included
  int lookup = 0;            // drafts by prompt lookup
  std::string draft_model;   // file of a smaller model that drafts instead; "": none
  int drafts = 4;            // of it, at most
  int max_rows = 512;        // of a step
  int tenants = 1;           // that share fairly
  bool packed_cache = true;  // packed weights are kept beside the model and mapped from there
};

/// Throws Error: there is none (""), or what it says is not understood.
text::ChatTemplate read_chat_template(const std::string& source);

/// Of LoadOptions::kv.
model::KvType kv_type_of(const std::string& name);

class LoadedModel {
 public:
  /// Throws Error: a file that is none or is damaged, memory refused.
  explicit LoadedModel(const LoadOptions& options);

  const model::ModelConfig& config() const { return weights_->config(); }
  const text::Tokenizer& tokenizer() const { return *tokenizer_; }
  const std::string& chat_template() const { return chat_template_; }
  /// The same, read when first asked for. Throws Error: there is none, or what it says is not
  /// understood. Any thread.
  const text::ChatTemplate& chat() const;
  /// The pieces that end a text, ascending.
  const std::vector<Token>& end_tokens() const { return end_tokens_; }
  /// The tokenizer's pieces, for Request::grammar. Made when first asked for. Any thread.
  std::shared_ptr<const text::GrammarVocabulary> grammar_vocabulary() const;
  Engine& engine() { return *engine_; }
  /// Cancels what runs; no callback comes after it, and no engine is there.
  void stop() { engine_.reset(); }
  const TimeModel& time() const { return time_; }
  std::int64_t bytes_per_token() const { return weights_->bytes_per_token(); }
  /// A line for people about the packed weights beside the model, or "" (model/weights.h).
  const std::string& note() const { return weights_->note(); }
  int threads() const { return pool_->size(); }
  double load_s() const { return load_s_; }
  /// Tokens that the cache holds at most: longer requests are refused.
  std::int64_t cache_tokens() const { return cache_tokens_; }

 private:
  Drafter* open_drafter(const LoadOptions& options, const Config& engine);

  model::TensorFile file_;
  std::unique_ptr<machine::ThreadPool> pool_;
  std::unique_ptr<model::Weights> weights_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::string chat_template_;
  mutable std::once_flag chat_once_;
  mutable std::unique_ptr<const text::ChatTemplate> chat_;
  std::vector<Token> end_tokens_;
  mutable std::once_flag grammar_once_;
  mutable std::shared_ptr<const text::GrammarVocabulary> grammar_vocabulary_;
  std::unique_ptr<ModelExecutor> executor_;
  PromptLookup lookup_;
  std::unique_ptr<DraftFile> draft_;
  std::unique_ptr<Engine> engine_;
  TimeModel time_;
  double load_s_ = 0.0;
  std::int64_t cache_tokens_ = 0;
};

/// For what callbacks write to, declared behind it: the engine ends first, also when an Error
/// passes.
class StopAtEnd {
 public:
  explicit StopAtEnd(LoadedModel& model) : model_(model) {}
  ~StopAtEnd() { model_.stop(); }
  StopAtEnd(const StopAtEnd&) = delete;
  StopAtEnd& operator=(const StopAtEnd&) = delete;

 private:
  LoadedModel& model_;
};

}  // namespace aisp::serve
