// A conversation as the text that a model was trained on: the template that comes with the model,
// in the part of Jinja that published templates use (statements if, for, set, macro, raw, filter,
// break, continue, generation; Python's methods of str, dict and list; the filters and tests of
// jinja/filters.cc). What it does not know is an Error, with its line, when the template is read.
// Rendering is bounded: a hostile template ends in an Error, not in a full memory.
// No package of Debian has such a library for C++, so it is ours: jinja/.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace aisp::text {

struct ChatOptions {
  bool add_generation_prompt = true;
  std::string bos_token, eos_token;
  nlohmann::ordered_json tools;  // null: None
  nlohmann::ordered_json extra;  // an object: more variables ("enable_thinking", "documents")
  std::int64_t now = 0;          // seconds since 1970, for strftime_now in UTC; 0: now
  std::size_t max_output = std::size_t{64} << 20;  // bytes
  std::size_t max_steps = 20'000'000;  // about a second; comparing long lists counts less
};

class ChatTemplate {
 public:
  /// Reads the template. Throws Error for what it does not understand, or more than 256 KiB.
  explicit ChatTemplate(std::string_view source);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  /// `messages`: a list of {"role", "content", ...}. Thread-safe. Throws Error, also when the
  /// template itself refuses the conversation (raise_exception).
  std::string render(const nlohmann::ordered_json& messages, const ChatOptions& options) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aisp::text
