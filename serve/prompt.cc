// See prompt.h.
#include "serve/prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "text/chat_template.h"

namespace aisp::serve {

std::vector<Token> chat_tokens(const LoadedModel& model, const nlohmann::ordered_json& messages,
                               const nlohmann::ordered_json& tools,
                               const nlohmann::ordered_json& values) {
  return chat_tokens(model.tokenizer(), model.chat_template(), messages, tools, values);
}

std::vector<Token> chat_tokens(const text::Tokenizer& tokenizer, const std::string& chat_template,
                               const nlohmann::ordered_json& messages,
                               const nlohmann::ordered_json& tools,
                               const nlohmann::ordered_json& values) {
  if (chat_template.empty()) {
    throw Error("the model has no chat template", "chat", "give text to continue instead");
  }
  const text::TokenizerSpec& spec = tokenizer.spec();
  const auto piece = [&](std::int32_t id) {
    return id < 0 ? "" : std::string(tokenizer.piece(id));
  };
  text::ChatOptions options;
  options.bos_token = piece(spec.bos);
  options.eos_token = piece(spec.eos);
  options.tools = tools;
  options.extra = values;
  const std::string text = text::ChatTemplate(chat_template).render(messages, options);
  return tokenizer.encode(text, {.add_special = false, .parse_special = true});
}

Request request_for(const LoadedModel& model, std::vector<Token> prompt, int max_tokens,
                    const Sampling& sampling, bool ignore_end) {
  check_sampling(sampling, static_cast<int>(model.config().vocab));
  if (prompt.empty()) throw Error("the prompt has no tokens", "prompt", "give some text");
  const std::int64_t all = static_cast<std::int64_t>(prompt.size()) + max_tokens;
  const std::int64_t most = std::min(model.config().context, model.cache_tokens());
  if (all > most) {
    throw Error(fmt::format("prompt and answer are {} tokens, the {} {}", all,
                            most == model.config().context ? "model takes" : "cache holds", most),
                "max tokens", "shorten one of them, or raise --kv-memory");
  }
  Request request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.sampling = sampling;
  if (!ignore_end) {
    for (std::int32_t id = 0; id < model.tokenizer().size(); ++id) {
      if (model.tokenizer().ends_text(id)) request.stop_tokens.push_back(id);
    }
  }
  return request;
}

}  // namespace aisp::serve
