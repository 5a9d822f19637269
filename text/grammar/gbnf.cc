// Reads GBNF. See Grammar::from_gbnf.
#include <algorithm>
#include <charconv>
#include <map>

#include "text/grammar.h"
#include "text/grammar/expression.h"
#include "text/utf8.h"

namespace aisp::text {
namespace {

using namespace grammar;

constexpr std::size_t kMaxSource = 1 << 20;
constexpr int kMaxNesting = 100;
constexpr std::int64_t kMaxRepeat = 100'000;

class Reader {
 public:
  explicit Reader(std::string_view source) : source_(source) {}

  Rules run() {
    rules_.add();  // the text: rule 0
    skip(true);
    while (at_ < source_.size()) {
      const std::int32_t index = rule_named(name());
      skip(false);
      if (source_.substr(at_, 3) != "::=") refuse("'::=' is missing");
      at_ += 3;
      skip(true);
      if (!defined_.emplace(index, true).second) refuse("a rule is defined twice");
      rules_.bodies[static_cast<std::size_t>(index)] = alternatives(0);
      skip(true);
    }
    for (const auto& [rule_name, index] : names_) {
      if (!defined_.contains(index)) fail("the rule '" + rule_name + "' is not defined", "grammar");
    }
    const auto root = names_.find("root");
    if (root == names_.end()) fail("there is no rule 'root'", "grammar");
    rules_.bodies[0] = rule(root->second);
    return std::move(rules_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    const auto line =
        1 + std::count(source_.begin(), source_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    fail(what + " in line " + std::to_string(line), "grammar");
  }
  char now() const { return at_ < source_.size() ? source_[at_] : '\0'; }

  /// Blanks and comments; line ends when `lines`.
  void skip(bool lines) {
    for (; at_ < source_.size(); ++at_) {
      if (now() == '#') {
        at_ = std::min(source_.find('\n', at_), source_.size());
        if (at_ == source_.size()) return;
      }
      const bool line_end = now() == '\n' || now() == '\r';
      if (line_end ? !lines : now() != ' ' && now() != '\t') return;
    }
  }

  static bool in_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  }
  std::string name() {
    const std::size_t begin = at_;
    while (in_name(now())) ++at_;
    if (begin == at_) refuse("a rule's name is missing");
    return std::string(source_.substr(begin, at_ - begin));
  }
  std::int32_t rule_named(const std::string& rule_name) {
    const auto found = names_.find(rule_name);
    if (found != names_.end()) return found->second;
    return names_[rule_name] = rules_.add();
  }

  Expression alternatives(int nesting) {
    if (nesting > kMaxNesting) refuse("brackets nest too deep");
    std::vector<Expression> parts = {items(nesting)};
    while (now() == '|') {
      ++at_;
      skip(true);
      parts.push_back(items(nesting));
    }
    return parts.size() == 1 ? std::move(parts[0]) : choice(std::move(parts));
  }

  Expression items(int nesting) {
    std::vector<Expression> parts;
    for (;;) {
      skip(nesting > 0);
      const char c = now();
      if (c == '"') {
        parts.push_back(literal());
      } else if (c == '[') {
        parts.push_back(char_class());
      } else if (c == '.') {
        ++at_;
        parts.push_back(set({{0, 0x10FFFF}}));
      } else if (c == '(') {
        ++at_;
        skip(true);
        parts.push_back(alternatives(nesting + 1));
        skip(true);
        if (now() != ')') refuse("')' is missing");
        ++at_;
      } else if (in_name(c)) {
        // The next rule begins where a name is followed by ::=.
        const std::size_t before = at_;
        const std::string rule_name = name();
        skip(false);
        if (source_.substr(at_, 3) == "::=") {
          at_ = before;
          return sequence(std::move(parts));
        }
        at_ = before + rule_name.size();
        parts.push_back(rule(rule_named(rule_name)));
      } else {
        return sequence(std::move(parts));
      }
      repeated(parts.back());
    }
  }

  void repeated(Expression& part) {
    for (int times = 0;; ++times) {
      std::int64_t min = 0, max = -1;
      if (now() == '?') {
        max = 1;
      } else if (now() == '+') {
        min = 1;
      } else if (now() == '{') {
        ++at_;
        min = count();
        max = min;
        if (now() == ',') {
          ++at_;
          max = now() == '}' ? -1 : count();
        }
        if (now() != '}' || (max >= 0 && max < min)) refuse("a repetition is not valid");
      } else if (now() != '*') {
        return;
      }
      if (times > 3) refuse("a repetition is repeated too often");
      ++at_;
      part = repeat(std::move(part), min, max);
    }
  }

  std::int64_t count() {
    std::int64_t value = 0;
    const auto read = std::from_chars(source_.data() + at_, source_.data() + source_.size(), value);
    if (read.ec != std::errc() || value < 0 || value > kMaxRepeat) refuse("a count is not valid");
    at_ = static_cast<std::size_t>(read.ptr - source_.data());
    return value;
  }

  /// One character of a literal or class, escapes resolved.
  char32_t character() {
    if (at_ >= source_.size() || now() == '\n') refuse("a text does not end");
    if (now() != '\\') {
      const Utf8Char c = utf8_at(source_, at_);
      if (!c.valid) refuse("a character is not UTF-8");
      at_ += static_cast<std::size_t>(c.bytes);
      return c.code;
    }
    ++at_;
    const char c = now();
    ++at_;
    switch (c) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'x':
        return hex(2);
      case 'u':
        return hex(4);
      case 'U':
        return hex(8);
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
        return static_cast<char32_t>(c);
      default:
        refuse("an escape is not known");
    }
  }
  char32_t hex(std::size_t digits) {
    unsigned code = 0;
    const std::string_view text = source_.substr(std::min(at_, source_.size()), digits);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), code, 16);
    if (text.size() != digits || read.ptr != text.data() + digits || code > 0x10FFFF ||
        (code >= 0xD800 && code <= 0xDFFF)) {
      refuse("an escape is not valid");
    }
    at_ += digits;
    return code;
  }

  Expression literal() {
    ++at_;
    std::string bytes;
    while (now() != '"') append_utf8(bytes, character());
    ++at_;
    return text(bytes);
  }

  Expression char_class() {
    ++at_;
    const bool inverse = now() == '^';
    if (inverse) ++at_;
    Ranges ranges;
    while (now() != ']') {
      const char32_t first = character();
      char32_t last = first;
      if (now() == '-' && source_.substr(at_, 2) != "-]") {
        ++at_;
        last = character();
      }
      if (last < first) refuse("a range is upside down");
      ranges.emplace_back(first, last);
    }
    ++at_;
    return inverse ? set_without(std::move(ranges)) : set(std::move(ranges));
  }

  std::string_view source_;
  std::size_t at_ = 0;
  Rules rules_;
  std::map<std::string, std::int32_t> names_;
  std::map<std::int32_t, bool> defined_;
};

}  // namespace

Grammar Grammar::from_gbnf(std::string_view source) {
  if (source.size() > kMaxSource) fail("the grammar has more than 1 MiB", "grammar");
  return Grammar(compile(Reader(source).run()));
}

}  // namespace aisp::text
