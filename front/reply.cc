// See reply.h. Source: OpenAI's API reference (objects text_completion, chat.completion and
// chat.completion.chunk).
#include "front/reply.h"

#include <chrono>
#include <cmath>

#include "text/utf8.h"

namespace aisp::front {
namespace {

constexpr float kImpossible = -9999.0f;  // JSON has no infinity; vLLM's number

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json finish_of(const Answer& answer) {
  return answer.finish.empty() ? Json() : Json(std::string(answer.finish));
}

Json usage_json(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt},
          {"completion_tokens", usage.completion},
          {"total_tokens", usage.prompt + usage.completion},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached}}}};
}

float value_of(const serve::LogProb& entry) {
  return std::isfinite(entry.value) ? entry.value : kImpossible;
}

}  // namespace

Reply::Reply(const ApiRequest& asked, const text::Tokenizer& tokenizer, std::string id)
    : tokenizer_(tokenizer),
      chat_(asked.kind == Kind::kChat),
      include_usage_(asked.include_usage),
      logprobs_(asked.logprobs >= 0),
      id_((chat_ ? "chatcmpl-" : "cmpl-") + std::move(id)),
      model_(asked.model),
      created_s_(std::chrono::duration_cast<std::chrono::seconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count()) {}

Json Reply::frame(bool chunk) const {
  const char* object =
      chat_ ? (chunk ? "chat.completion.chunk" : "chat.completion") : "text_completion";
  return {{"id", id_}, {"object", object}, {"created", created_s_}, {"model", model_}};
}

std::string Reply::piece_of(serve::Token token) const {
  if (token < 0 || token >= tokenizer_.size()) return "";
  return std::string(tokenizer_.piece(token));
}

Json Reply::chat_logprobs(const Answer& answer) const {
  const auto entry = [&](const serve::LogProb& one) -> Json {
    const std::string bytes = piece_of(one.token);
    Json numbers = Json::array();
    for (const char byte : bytes) numbers.push_back(static_cast<unsigned char>(byte));
    return {{"token", text::whole_characters(bytes)},
            {"logprob", value_of(one)},
            {"bytes", std::move(numbers)}};
  };
  Json content = Json::array();
  for (const TokenLogProbs& token : answer.logprobs) {
    if (token.empty()) continue;
    Json chosen = entry(token.front());
    chosen["top_logprobs"] = Json::array();
    for (std::size_t i = 1; i < token.size(); ++i) {
      chosen["top_logprobs"].push_back(entry(token[i]));
    }
    content.push_back(std::move(chosen));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

Json Reply::completion_logprobs(const Answer& answer) const {
  Json tokens = Json::array(), values = Json::array(), tops = Json::array();
  Json offsets = Json::array();
  std::int64_t offset = answer.text_offset;
  for (const TokenLogProbs& token : answer.logprobs) {
    if (token.empty()) continue;
    const std::string bytes = piece_of(token.front().token);
    tokens.push_back(text::whole_characters(bytes));
    values.push_back(value_of(token.front()));
    Json top = Json::object();
    for (std::size_t i = 1; i < token.size(); ++i) {
      top[text::whole_characters(piece_of(token[i].token))] = value_of(token[i]);
    }
    tops.push_back(std::move(top));
    offsets.push_back(offset);
    offset += static_cast<std::int64_t>(bytes.size());
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(values)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

Json Reply::logprobs(const Answer& answer) const {
  if (!logprobs_ || answer.logprobs.empty()) return nullptr;
  return chat_ ? chat_logprobs(answer) : completion_logprobs(answer);
}

std::string Reply::chunk(int index, Json content, const Answer& answer) const {
  Json choice = {{"index", index}};
  choice[chat_ ? "delta" : "text"] = std::move(content);
  choice["logprobs"] = logprobs(answer);
  choice["finish_reason"] = finish_of(answer);
  Json json = frame(true);
  json["choices"] = Json::array({std::move(choice)});
  if (include_usage_) json["usage"] = nullptr;
  return event(dump(json));
}

std::string Reply::role(int index) const {
  if (!chat_) return "";
  return chunk(index, Json::object({{"role", "assistant"}, {"content", ""}}), Answer{});
}

std::string Reply::piece(const Answer& answer) const {
  const std::string text(answer.text);
  if (!chat_) return chunk(answer.index, text, answer);
  const bool nothing = text.empty() && answer.logprobs.empty();
  return chunk(answer.index, nothing ? Json::object() : Json::object({{"content", text}}), answer);
}

std::string Reply::usage(const Usage& usage) const {
  Json json = frame(true);
  json["choices"] = Json::array();
  json["usage"] = usage_json(usage);
  return event(dump(json));
}

std::string Reply::whole(const std::vector<Answer>& answers, const Usage& usage) const {
  Json json = frame(false);
  json["choices"] = Json::array();
  for (const Answer& answer : answers) {
    Json choice = {{"index", answer.index}};
    if (chat_) {
      choice["message"] = {
          {"role", "assistant"}, {"content", std::string(answer.text)}, {"refusal", nullptr}};
    } else {
      choice["text"] = std::string(answer.text);
    }
    choice["logprobs"] = logprobs(answer);
    choice["finish_reason"] = finish_of(answer);
    json["choices"].push_back(std::move(choice));
  }
  json["usage"] = usage_json(usage);
  return dump(json);
}

}  // namespace aisp::front
