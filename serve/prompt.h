// From what people write to a request: a chat in the model's own template, tokens, limits.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "serve/loaded_model.h"

namespace aisp::serve {

/// A conversation in the model's chat template: the template's special pieces are recognised.
/// Throws Error when the model has no template or the template refuses the conversation. `tools` as
/// in OpenAI's API, `values` more variables for the template; null: none.
std::vector<Token> chat_tokens(const LoadedModel& model, const nlohmann::ordered_json& messages,
                               const nlohmann::ordered_json& tools = {},
                               const nlohmann::ordered_json& values = {});
/// The same where no model is loaded.
std::vector<Token> chat_tokens(const text::Tokenizer& tokenizer, const text::ChatTemplate& chat,
                               const nlohmann::ordered_json& messages,
                               const nlohmann::ordered_json& tools = {},
                               const nlohmann::ordered_json& values = {});

/// A request that ends at the model's ends of text, unless `ignore_end`. Throws Error for settings
/// out of their range, a prompt without tokens, and more tokens than the model or its cache takes.
Request request_for(const LoadedModel& model, std::vector<Token> prompt, int max_tokens,
                    const Sampling& sampling, bool ignore_end = false);

}  // namespace aisp::serve
