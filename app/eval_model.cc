// See eval_model.h.
#include "app/eval_model.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "bench/supervisor.h"
#include "model/tokenizer_of.h"

namespace aisp::app {

EvalModel::EvalModel(const std::string& path)
    : file(model::open_model(path)),
      config(model::config_of(file)),
      tensors(model::find_tensors(file, config)),
      tokenizer(model::tokenizer_of(file), path) {
  if (tokenizer.size() > config.vocab) {
    throw Error("its tokenizer has more pieces than the model has rows", path,
                "download or convert the model again");
  }
}

model::KvType kv_type_of(const std::string& name) {
  if (name == "f32") return model::KvType::kF32;
  if (name == "f16") return model::KvType::kF16;
  return name == "bf16" ? model::KvType::kBF16 : model::KvType::kI8;
}

Tokens tokens_of_file(const text::Tokenizer& tokenizer, const std::string& path,
                      std::int64_t most) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) throw Error("cannot be read", path, "check the path of --text");
  Tokens tokens = tokenizer.encode(text);
  if (most > 0 && static_cast<std::int64_t>(tokens.size()) > most) {
    tokens.resize(static_cast<std::size_t>(most));
  }
  if (tokens.size() < 2) throw Error("has fewer than two tokens", path, "give a longer text");
  return tokens;
}

std::int64_t window_of(const model::ModelConfig& config, std::int64_t context) {
  return std::min(context, config.context);
}

EvalProgress::EvalProgress() { bench::catch_interrupts(); }

bool EvalProgress::show(std::size_t done, std::size_t all, const std::string& now) {
  constexpr std::size_t kSteps = 20;
  bar_.show(std::min(done * kSteps / std::max<std::size_t>(all, 1), kSteps - 1), kSteps, now);
  return !bench::interrupted();
}

}  // namespace aisp::app
