// See stream_event.h.
#include "load/stream_event.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

namespace aisp::load {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kDeepest = 32;

// Keeps the keys that lead to where the parser is; a list adds "[]".
class Reader : public nlohmann::json_sax<Json> {
 public:
  explicit Reader(StreamEvent& event) : event_(event) {}

  bool null() override { return !path_.empty(); }
  bool boolean(bool) override { return !path_.empty(); }
  bool number_integer(number_integer_t value) override { return count(value); }
  bool number_unsigned(number_unsigned_t value) override {
    return count(value > kMost ? -1 : static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t, const string_t&) override { return !path_.empty(); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return enter(""); }
  bool key(string_t& key) override {
    path_.back() = key;
    return true;
  }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return !path_.empty() && enter("[]"); }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  bool string(string_t& value) override {
    if (path_.empty()) return false;
    if (at({"choices", "[]", "text"}) || at({"choices", "[]", "delta", "content"}) ||
        at({"choices", "[]", "delta", "reasoning_content"})) {
      event_.text += value;
    } else if (at({"choices", "[]", "finish_reason"})) {
      event_.finished = true;
    } else if (at({"error"}) || at({"error", "message"})) {
      event_.error = value.empty() ? "error" : value;
    }
    return true;
  }

 private:
  static constexpr std::int64_t kMost = 1 << 30;

  bool enter(const char* key) {
    path_.emplace_back(key);
    return path_.size() <= kDeepest;
  }
  bool leave() {
    path_.pop_back();
    return true;
  }
  bool at(std::initializer_list<std::string_view> keys) const {
    return std::equal(path_.begin(), path_.end(), keys.begin(), keys.end());
  }
  bool count(std::int64_t value) {
    if (path_.empty()) return false;
    if (value < 0 || value > kMost) return true;
    const int said = static_cast<int>(value);
    if (at({"usage", "prompt_tokens"})) event_.prompt_tokens = said;
    if (at({"usage", "completion_tokens"})) event_.answer_tokens = said;
    if (at({"usage", "prompt_tokens_details", "cached_tokens"})) event_.cached_tokens = said;
    return true;
  }

  StreamEvent& event_;
  std::vector<std::string> path_;
};

}  // namespace

bool read_stream_event(std::string_view json, StreamEvent& event) {
  event = {};
  Reader reader(event);
  return Json::sax_parse(json, &reader) && !json.empty();
}

}  // namespace aisp::load
