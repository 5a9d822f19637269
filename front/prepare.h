// From what the API says to what the engine takes: the template, tokens, limits, the grammar. On a
// worker's thread: a long prompt takes tens of milliseconds.
#pragma once

#include <string>
#include <vector>

#include "front/api_request.h"
#include "front/models.h"
#include "serve/request.h"

namespace aisp::front {

/// The tokens of a prompt: encoded, or given and looked at. Throws ApiError (400).
std::vector<serve::Token> tokens_of(const Prompt& prompt, const Served& served);

/// Tokens of all prompts together, each counted once. Throws ApiError (400).
std::int64_t count_prompt_tokens(const ApiRequest& asked, const Served& served);

struct Prepared {
  /// For each prompt its choices, in order.
  std::vector<serve::Request> requests;
  std::vector<std::string> echoes;  // of each prompt, its text; empty unless asked
  std::int64_t prompt_tokens = 0;   // of all prompts, each counted once
};

/// Throws ApiError (400, 501).
Prepared prepare(const ApiRequest& asked, const Served& served, const Limits& limits);

}  // namespace aisp::front
