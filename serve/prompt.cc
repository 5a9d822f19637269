// See prompt.h.
#include "serve/prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/error.h"

namespace aisp::serve {

std::vector<Token> chat_tokens(const LoadedModel& model, const nlohmann::ordered_json& messages,
                               const nlohmann::ordered_json& tools,
                               const nlohmann::ordered_json& values) {
  return chat_tokens(model.tokenizer(), model.chat(), messages, tools, values);
}

std::vector<Token> chat_tokens(const text::Tokenizer& tokenizer, const text::ChatTemplate& chat,
                               const nlohmann::ordered_json& messages,
                               const nlohmann::ordered_json& tools,
                               const nlohmann::ordered_json& values) {
  const text::TokenizerSpec& spec = tokenizer.spec();
  const auto piece = [&](std::int32_t id) {
    return id < 0 ? "" : std::string(tokenizer.piece(id));
  };
  text::ChatOptions options;
  options.bos_token = piece(spec.bos);
  options.eos_token = piece(spec.eos);
  options.tools = tools;
  options.extra = values;
  const std::string text = chat.render(messages, options);
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
  if (!ignore_end) request.stop_tokens = model.end_tokens();
  return request;
}

}  // namespace aisp::serve
