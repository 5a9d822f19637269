// What both models of `aisp eval drift` read. See eval_drift.h.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/eval_drift.h"
#include "base/error.h"
#include "model/tokenizer_of.h"
#include "serve/prompt.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;

void add_windows(const EvalModel& m, const DriftOptions& o, Material& material) {
  const Tokens all = tokens_of_file(m.tokenizer, o.text, o.tokens);
  const auto context = static_cast<std::size_t>(window_of(m.config, o.context));
  for (std::size_t begin = 0; begin < all.size(); begin += context) {
    const std::span<const std::int32_t> rest = std::span(all).subspan(begin);
    const auto window = rest.first(std::min(context, rest.size()));
    material.add(fmt::format("window {}", material.names.size() + 1),
                 {window.begin(), window.end()});
  }
}

void add_prompts(const EvalModel& m, const DriftOptions& o, Material& material) {
  std::ifstream in(o.prompts);
  if (!in) throw Error("cannot be read", o.prompts, "check the path of --prompts");
  std::optional<text::ChatTemplate> chat;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const Json content = Json::parse(line, nullptr, false);
    const std::string where = fmt::format("{}:{}", o.prompts, number);
    const bool prompt = content.is_object() && content.contains("prompt");
    if (!content.is_object() || prompt == content.contains("messages") ||
        (prompt && !content["prompt"].is_string())) {
      throw Error("is no prompt", where,
                  "a line is an object with \"prompt\" (text) or \"messages\"");
    }
    if (!prompt && !chat) chat = serve::read_chat_template(model::chat_template_of(m.file));
    Tokens tokens = prompt ? m.tokenizer.encode(content["prompt"].get<std::string>())
                           : serve::chat_tokens(m.tokenizer, *chat, content["messages"]);
    const std::int64_t most = window_of(m.config, o.context);
    if (tokens.empty() || static_cast<std::int64_t>(tokens.size()) > most) {
      throw Error(fmt::format("has {} tokens, not 1 to {}", tokens.size(), most), where,
                  "shorten it, or raise --context");
    }
    material.add(fmt::format("prompt of line {}", number), std::move(tokens));
  }
  if (material.names.empty()) throw Error("has no prompts", o.prompts, "give an object a line");
}

}  // namespace

Material material_of(const EvalModel& m, const DriftOptions& o) {
  Material material;
  if (o.prompts.empty())
    add_windows(m, o, material);
  else
    add_prompts(m, o, material);
  return material;
}

}  // namespace aisp::app
