// The grammar of this lab once more, written by hand as a machine over characters: the judge, which
// shares nothing with text/grammar.h.
#pragma once

#include <string_view>

namespace aisp::labs::ch15::guided_decoding {

/// The notation that text/grammar.h reads.
inline constexpr const char* kGrammar = R"(
root ::= "[" record ("," record)* "]"
record ::= "{\"id\":" [1-9] [0-9]{0,5} ",\"name\":\"" [a-z ]{1,24} "\",\"ok\":" truth "}"
truth ::= "true" | "false"
)";

class Recognizer {
 public:
  /// Takes a character; false, for ever, when no text of the grammar begins like this.
  bool take(char c) {
    switch (part_) {
      case Part::kOpen:
        return c == '[' ? literal("{\"id\":", Part::kId) : no();
      case Part::kLiteral:
        if (rest_.empty() || rest_.front() != c) return no();
        rest_.remove_prefix(1);
        if (rest_.empty()) part_ = next_, count_ = 0;
        return true;
      case Part::kId:
        if (c >= (count_ == 0 ? '1' : '0') && c <= '9' && count_ < 6) return ++count_ > 0;
        return c == ',' && count_ > 0 ? literal("\"name\":\"", Part::kName) : no();
      case Part::kName:
        if (((c >= 'a' && c <= 'z') || c == ' ') && count_ < 24) return ++count_ > 0;
        return c == '"' && count_ > 0 ? literal(",\"ok\":", Part::kOk) : no();
      case Part::kOk:
        if (c == 't') return literal("rue}", Part::kBehind);
        return c == 'f' ? literal("alse}", Part::kBehind) : no();
      case Part::kBehind:
        if (c == ',') return literal("{\"id\":", Part::kId);
        part_ = Part::kEnd;
        return c == ']';
      case Part::kEnd:
        return no();
    }
    return no();
  }
  bool take(std::string_view text) {
    for (const char c : text) {
      if (!take(c)) return false;
    }
    return true;
  }

 private:
  enum class Part { kOpen, kLiteral, kId, kName, kOk, kBehind, kEnd };
  bool literal(std::string_view text, Part next) {
    part_ = Part::kLiteral, rest_ = text, next_ = next;
    return true;
  }
  bool no() {
    part_ = Part::kEnd;
    return false;
  }

  Part part_ = Part::kOpen, next_ = Part::kOpen;
  std::string_view rest_;  // of the literal
  int count_ = 0;          // characters of an id or a name
};

}  // namespace aisp::labs::ch15::guided_decoding
