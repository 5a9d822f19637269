// See chat_template.h.
#include "text/chat_template.h"

#include <ctime>

#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace aisp::text {
namespace {

constexpr std::size_t kMaxSource = 256 << 10;  // the longest published ones have 20 KiB

}  // namespace

struct ChatTemplate::State {
  jinja::Body body;
};

ChatTemplate::ChatTemplate(std::string_view source) : state_(std::make_unique<State>()) {
  if (source.size() > kMaxSource) {
    jinja::fail("the template has " + std::to_string(source.size()) + " bytes");
  }
  state_->body = jinja::parse(source);
}
ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const nlohmann::ordered_json& messages,
                                 const ChatOptions& options) const {
  using jinja::Value;
  const std::int64_t now = options.now != 0 ? options.now : std::time(nullptr);
  jinja::Interpreter interpreter({.output_bytes = options.max_output, .steps = options.max_steps},
                                 now);
  interpreter.define("messages", Value::of_json(messages));
  interpreter.define("add_generation_prompt", Value(options.add_generation_prompt));
  interpreter.define("bos_token", Value(options.bos_token));
  interpreter.define("eos_token", Value(options.eos_token));
  // None when there are none, as the library that templates are written for has it.
  interpreter.define("tools", Value::of_json(options.tools));
  interpreter.define("documents", Value());
  if (options.extra.is_object()) {
    for (const auto& [name, value] : options.extra.items()) {
      interpreter.define(name, Value::of_json(value));
    }
  }
  return interpreter.run(state_->body);
}

}  // namespace aisp::text
