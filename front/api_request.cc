// See api_request.h. Source: OpenAI's API reference (completions, chat); names of extensions as in
// vLLM's and llama.cpp's servers.
#include "front/api_request.h"

#include <fmt/format.h>

#include <charconv>

namespace aisp::front {
namespace {

constexpr int kMostTokens = 1 << 24;
constexpr int kMostLogProbs = 20;

// About the account, not about the answer.
constexpr const char* kWithoutEffect[] = {"user",
                                          "metadata",
                                          "store",
                                          "service_tier",
                                          "safety_identifier",
                                          "prompt_cache_key",
                                          "prompt_cache_retention"};

std::vector<serve::Token> read_tokens(const Json& list, const Fields& fields,
                                      std::string_view name) {
  std::vector<serve::Token> tokens;
  tokens.reserve(list.size());
  for (const Json& token : list) {
    if (!token.is_number_unsigned() || token.get<std::uint64_t>() > INT32_MAX) {
      fields.fail(name, "has a token that is no whole number");
    }
    tokens.push_back(token.get<serve::Token>());
  }
  return tokens;
}

// Text, tokens, or a list of them.
std::vector<Prompt> read_prompts(Fields& fields, std::string_view name, int most) {
  const Json* prompt = fields.get(name);
  if (prompt == nullptr) fields.fail(name, "is missing");
  if (prompt->is_string()) return {prompt->get<std::string>()};
  if (!prompt->is_array() || prompt->empty()) {
    fields.fail(name, "is neither a string nor a list with entries");
  }
  if (prompt->front().is_number()) return {read_tokens(*prompt, fields, name)};
  if (prompt->size() > static_cast<std::size_t>(most)) {
    fields.fail(name, fmt::format("has more than {} entries", most));
  }
  std::vector<Prompt> prompts;
  for (const Json& one : *prompt) {
    if (one.is_string()) {
      prompts.emplace_back(one.get<std::string>());
    } else if (one.is_array()) {
      prompts.emplace_back(read_tokens(one, fields, name));
    } else {
      fields.fail(name, "has an entry that is neither text nor tokens");
    }
  }
  return prompts;
}

std::vector<std::string> read_stop(Fields& fields, const Limits& limits) {
  const Json* stop = fields.get("stop");
  if (stop == nullptr) return {};
  const Json list = stop->is_array() ? *stop : Json::array({*stop});
  if (list.size() > static_cast<std::size_t>(limits.stop_strings)) {
    fields.fail("stop", fmt::format("has more than {} strings", limits.stop_strings));
  }
  std::vector<std::string> out;
  for (const Json& text : list) {
    if (!text.is_string()) fields.fail("stop", "is neither a string nor a list of strings");
    out.push_back(text.get<std::string>());
    if (out.back().empty() || out.back().size() > limits.stop_bytes) {
      fields.fail("stop", fmt::format("has a string that is not 1 to {} bytes", limits.stop_bytes));
    }
  }
  return out;
}

void read_bias(Fields& fields, const Limits& limits, serve::Sampling& sampling) {
  const Json* bias = fields.get("logit_bias");
  if (bias == nullptr) return;
  if (!bias->is_object()) fields.fail("logit_bias", "is not an object");
  if (bias->size() > static_cast<std::size_t>(limits.biases)) {
    fields.fail("logit_bias", fmt::format("has more than {} entries", limits.biases));
  }
  for (const auto& [name, value] : bias->items()) {
    serve::Token token = -1;
    const auto [at, problem] = std::from_chars(name.data(), name.data() + name.size(), token);
    const bool number = problem == std::errc() && at == name.data() + name.size() && token >= 0;
    const double size = value.is_number() ? value.get<double>() : 1e9;
    if (!number || !(size >= -100.0 && size <= 100.0)) {
      fields.fail("logit_bias", "is not token ids with numbers from -100 to 100");
    }
    sampling.bias.emplace_back(token, static_cast<float>(size));
  }
}

void read_sampling(Fields& fields, const Limits& limits, ApiRequest& request) {
  serve::Sampling& sampling = request.sampling;
  const auto set = [&](std::string_view name, double low, double high, float& to) {
    if (const auto value = fields.number(name, low, high)) to = static_cast<float>(*value);
  };
  set("temperature", 0.0, 2.0, sampling.temperature);
  set("top_p", 0.0, 1.0, sampling.top_p);
  set("min_p", 0.0, 1.0, sampling.min_p);
  set("presence_penalty", -2.0, 2.0, sampling.presence);
  set("frequency_penalty", -2.0, 2.0, sampling.frequency);
  set("repetition_penalty", 0.01, 100.0, sampling.repetition);
  // A share of nothing is the likeliest token alone.
  if (sampling.top_p <= 0.0f) {
    sampling.top_p = 1.0f;
    sampling.top_k = 1;
  }
  // -1: all, as vLLM writes it.
  if (const auto top_k = fields.integer("top_k", -1, kMostTokens); top_k && *top_k > 0) {
    sampling.top_k = static_cast<int>(*top_k);
  }
  if (const auto seed = fields.integer("seed", INT64_MIN, INT64_MAX)) {
    sampling.seed = static_cast<std::uint64_t>(*seed);
    request.seeded = true;
  }
  read_bias(fields, limits, sampling);
}

void read_stream(Fields& fields, ApiRequest& request) {
  request.stream = fields.flag("stream").value_or(false);
  const Json* options = fields.get("stream_options");
  if (options == nullptr) return;
  if (!request.stream) fields.fail("stream_options", "goes with stream only");
  Fields inside(*options, "stream_options.");
  request.include_usage = inside.flag("include_usage").value_or(false);
  inside.ignore("include_obfuscation");
  inside.end();
}

void read_format(Fields& fields, ApiRequest& request) {
  const Json* format = fields.get("response_format");
  if (format == nullptr) return;
  Fields inside(*format, "response_format.");
  const std::string type = inside.text("type").value_or("");
  if (type == "json_object") {
    request.schema = R"({"type":"object"})";
  } else if (type == "json_schema") {
    const Json* named = inside.get("json_schema");
    if (named == nullptr) inside.fail("json_schema", "is missing");
    Fields schema(*named, "response_format.json_schema.");
    for (const char* name : {"name", "description", "strict"}) schema.ignore(name);
    const Json* rules = schema.get("schema");
    if (rules == nullptr) schema.fail("schema", "is missing");
    request.schema = rules->dump();
    schema.end();
  } else if (type != "text") {
    inside.fail("type", "is not text, json_object or json_schema");
  }
  inside.end();
}

void read_tools(Fields& fields, const Limits& limits, ApiRequest& request) {
  if (const Json* tools = fields.list("tools", static_cast<std::size_t>(limits.tools))) {
    for (const Json& tool : *tools) {
      if (!tool.is_object()) fields.fail("tools", "has an entry that is not an object");
    }
    if (!tools->empty()) request.tools = *tools;
  }
  if (const Json* choice = fields.get("tool_choice")) {
    if (*choice == "none") {
      request.tools = Json();
    } else if (*choice != "auto") {
      fields.fail("tool_choice", "is not auto or none: this server forces no call");
    }
  }
  if (!fields.flag("parallel_tool_calls").value_or(true) && !request.tools.is_null()) {
    fields.fail("parallel_tool_calls", "cannot be forbidden here");
  }
}

void read_chat(Fields& fields, const Limits& limits, ApiRequest& request) {
  const Json* messages = fields.list("messages", static_cast<std::size_t>(limits.messages));
  if (messages == nullptr || messages->empty()) fields.fail("messages", "is missing");
  request.messages = read_messages(*messages);
  read_tools(fields, limits, request);
  if (const Json* values = fields.get("chat_template_kwargs")) {
    if (!values->is_object()) fields.fail("chat_template_kwargs", "is not an object");
    request.template_values = *values;
  }
  const auto top = fields.integer("top_logprobs", 0, kMostLogProbs);
  if (fields.flag("logprobs").value_or(false)) {
    request.logprobs = static_cast<int>(top.value_or(0));
  } else if (top.value_or(0) > 0) {
    fields.fail("top_logprobs", "goes with logprobs only");
  }
  const auto longest = fields.integer("max_completion_tokens", 1, kMostTokens);
  if (longest && request.max_tokens) {
    fields.fail("max_completion_tokens", "and max_tokens are two names of one thing");
  }
  if (longest) request.max_tokens = static_cast<int>(*longest);
  if (const Json* modalities = fields.get("modalities");
      modalities != nullptr && *modalities != Json::array({"text"})) {
    fields.fail("modalities", "is not [\"text\"]");
  }
  fields.ignore("prediction");  // a guess that may save time; it changes no answer
}

void read_completion(Fields& fields, const Limits& limits, ApiRequest& request) {
  request.prompts = read_prompts(fields, "prompt", limits.prompts);
  request.echo = fields.flag("echo").value_or(false);
  if (const auto top = fields.integer("logprobs", 0, kMostLogProbs)) {
    request.logprobs = static_cast<int>(*top);
  }
  if (request.echo && request.logprobs >= 0) {
    fields.fail("echo", "with logprobs is not possible: the prompt has none here");
  }
  if (!fields.text("suffix").value_or("").empty()) {
    fields.fail("suffix", "is not possible here");
  }
  const auto best = fields.integer("best_of", 1, limits.choices);
  if (best && *best != request.choices) fields.fail("best_of", "differs from n: not possible here");
}

}  // namespace

EmbeddingRequest read_embedding_request(std::string_view body, const Limits& limits) {
  const Json json = parse_body(body, limits);
  Fields fields(json);
  EmbeddingRequest request;
  const std::optional<std::string> model = fields.text("model");
  if (!model) fields.fail("model", "is missing");
  request.model = *model;
  request.inputs = read_prompts(fields, "input", limits.inputs);
  const std::string format = fields.text("encoding_format").value_or("float");
  if (format != "float" && format != "base64") {
    fields.fail("encoding_format", "is not float or base64");
  }
  request.base64 = format == "base64";
  if (const auto dimensions = fields.integer("dimensions", 1, kMostTokens)) {
    request.dimensions = static_cast<int>(*dimensions);
  }
  for (const char* name : kWithoutEffect) fields.ignore(name);
  fields.end();
  return request;
}

ApiRequest read_request(Kind kind, std::string_view body, const Limits& limits) {
  const Json json = parse_body(body, limits);
  Fields fields(json);
  ApiRequest request{.kind = kind};
  const std::optional<std::string> model = fields.text("model");
  if (!model) fields.fail("model", "is missing");
  request.model = *model;
  if (const auto longest = fields.integer("max_tokens", 1, kMostTokens)) {
    request.max_tokens = static_cast<int>(*longest);
  }
  request.choices = static_cast<int>(fields.integer("n", 1, limits.choices).value_or(1));
  request.stop = read_stop(fields, limits);
  request.ignore_end = fields.flag("ignore_eos").value_or(false);
  read_sampling(fields, limits, request);
  read_stream(fields, request);
  read_format(fields, request);
  if (kind == Kind::kChat) {
    read_chat(fields, limits, request);
  } else {
    read_completion(fields, limits, request);
  }
  for (const char* name : kWithoutEffect) fields.ignore(name);
  fields.end();
  return request;
}

}  // namespace aisp::front
