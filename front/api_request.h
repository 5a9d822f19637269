// The body of a request as plain data: what OpenAI's API and the usual extensions can say, checked
// field by field. It knows no model: names, lengths and tokens are judged in prepare.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "front/fields.h"
#include "serve/request.h"

namespace aisp::front {

enum class Kind { kCompletion, kChat, kEmbedding };

using Prompt = std::variant<std::string, std::vector<serve::Token>>;

struct ApiRequest {
  Kind kind = Kind::kCompletion;
  std::string model;
  std::vector<Prompt> prompts;  // of a completion
  Json messages, tools;         // of a chat; tools: null without any
  Json template_values;         // more variables for the chat template; null: none
  std::optional<int> max_tokens;
  int choices = 1;  // for each prompt
  std::vector<std::string> stop;
  bool stream = false, include_usage = false, echo = false, ignore_end = false;
  serve::Sampling sampling;
  bool seeded = false;                // sampling.seed was given
  int logprobs = -1;                  // -1: none; else the chosen token's and so many likely ones'
  std::optional<std::string> schema;  // the answer is JSON of this schema
};

/// Of Kind::kEmbedding.
struct EmbeddingRequest {
  std::string model;
  std::vector<Prompt> inputs;
  bool base64 = false;            // vectors as the bytes of their f32
  std::optional<int> dimensions;  // how long they shall be
};

/// Throws ApiError (400).
EmbeddingRequest read_embedding_request(std::string_view body, const Limits& limits);

/// Of the other kinds. Throws ApiError (400).
ApiRequest read_request(Kind kind, std::string_view body, const Limits& limits);

/// Messages as templates want them: text parts become one string, arguments of tool calls become
/// objects. Throws ApiError (400).
Json read_messages(const Json& messages);

}  // namespace aisp::front
