// See loaded_model.h.
#include "serve/loaded_model.h"

#include <algorithm>
#include <chrono>
#include <future>

#include "base/error.h"
#include "machine/cpu.h"

namespace aisp::serve {

text::ChatTemplate read_chat_template(const std::string& source) {
  if (source.empty()) {
    throw Error("the model has no chat template", "chat", "give text to continue instead");
  }
  return text::ChatTemplate(source);
}

model::KvType kv_type_of(const std::string& name) {
  if (name == "f32") return model::KvType::kF32;
  if (name == "f16") return model::KvType::kF16;
  if (name == "bf16") return model::KvType::kBF16;
  return model::KvType::kI8;
}

LoadedModel::LoadedModel(const LoadOptions& options) : file_(model::open_model(options.model)) {
  const auto begin = std::chrono::steady_clock::now();
  const model::ModelConfig config = model::config_of(file_);
  const model::ModelTensors tensors = model::find_tensors(file_, config);
  // The tables of a large vocabulary take as long as the weights: both at once.
  std::future<std::unique_ptr<text::Tokenizer>> tokenizer = std::async(std::launch::async, [this] {
    return std::make_unique<text::Tokenizer>(model::tokenizer_of(file_), file_.path());
  });
  chat_template_ = model::chat_template_of(file_);
  pool_ = std::make_unique<machine::ThreadPool>(options.threads);
  weights_ = std::make_unique<model::Weights>(tensors, config, *pool_,
                                              options.packed_cache ? &file_ : nullptr);

  const model::KvType kv = kv_type_of(options.kv);
  const double memory = options.kv_memory_gib > 0.0
                            ? options.kv_memory_gib * 0x1p30
                            : static_cast<double>(machine::cpu().memory_bytes) / 8.0;
  const double block = static_cast<double>(model::KvCache::block_bytes(config, kv));
  const double needed = static_cast<double>(options.slots) *
                        std::max(1.0, static_cast<double>(config.context / model::kBlockTokens));
  const double blocks = std::min({memory / block, needed, 1e6});
  if (blocks < 2.0) {
    throw Error("the memory for keys and values holds less than two blocks", file_.path(),
                "raise --kv-memory or take --kv i8");
  }
  Config engine;
  engine.slots = options.slots;
  engine.max_running = std::min(options.max_running, options.slots);
  engine.max_rows = std::max(options.max_rows, engine.max_running);
  engine.tenants = options.tenants;
  engine.max_drafts = options.draft_model.empty() ? options.lookup : options.drafts;
  engine.block_tokens = static_cast<int>(model::kBlockTokens);
  engine.device_blocks = static_cast<int>(blocks);
  cache_tokens_ = std::int64_t{engine.device_blocks} * model::kBlockTokens;
  tokenizer_ = tokenizer.get();
  if (tokenizer_->size() > config.vocab) {
    throw Error("its tokenizer has more pieces than the model has rows", file_.path(),
                "download or convert the model again");
  }
  for (Token id = 0; id < tokenizer_->size(); ++id) {
    if (tokenizer_->ends_text(id)) end_tokens_.push_back(id);
  }
  Drafter* const drafter = open_drafter(options, engine);
  executor_ =
      std::make_unique<ModelExecutor>(*weights_, *pool_,
                                      ModelExecutor::Options{.kv_type = kv,
                                                             .device_blocks = engine.device_blocks,
                                                             .max_rows = engine.max_rows,
                                                             .drafter = drafter});
  time_ = executor_->measure_time();  // when nothing else runs any more
  if (draft_ != nullptr) draft_->add_cost(time_);
  engine.time = time_;
  engine_ =
      std::make_unique<Engine>(Engine::Options{.config = engine, .executor = executor_.get()});
  load_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Drafter* LoadedModel::open_drafter(const LoadOptions& options, const Config& engine) {
  if (options.draft_model.empty()) return options.lookup > 0 ? &lookup_ : nullptr;
  draft_ =
      std::make_unique<DraftFile>(options.draft_model, options.packed_cache, *tokenizer_, *pool_,
                                  DraftModel::Options{.kv_type = kv_type_of(options.kv),
                                                      .blocks = engine.device_blocks,
                                                      .slots = engine.slots,
                                                      .vocab = weights_->config().vocab});
  return &draft_->drafter();
}

const text::ChatTemplate& LoadedModel::chat() const {
  std::call_once(chat_once_, [&] {
    chat_ = std::make_unique<const text::ChatTemplate>(read_chat_template(chat_template_));
  });
  return *chat_;
}

std::shared_ptr<const text::GrammarVocabulary> LoadedModel::grammar_vocabulary() const {
  std::call_once(grammar_once_, [&] {
    grammar_vocabulary_ = std::make_shared<const text::GrammarVocabulary>(*tokenizer_);
  });
  return grammar_vocabulary_;
}

}  // namespace aisp::serve
