// See lexer.h.
#include "text/jinja/lexer.h"

#include <algorithm>
#include <charconv>

#include "text/utf8.h"

namespace aisp::text::jinja {
namespace {

constexpr std::string_view kBlanks = " \t\n\r\f\v";

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source) {
    // Line ends are '\n', and one at the end of the template is not output.
    for (std::size_t i = 0; i < source.size(); ++i) {
      if (source[i] == '\r') {
        if (i + 1 < source.size() && source[i + 1] == '\n') continue;
        source_.push_back('\n');
      } else {
        source_.push_back(source[i]);
      }
    }
    if (!source_.empty() && source_.back() == '\n') source_.pop_back();
  }

  std::vector<Token> run() {
    while (at_ < source_.size()) outside();
    add(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  bool ahead(std::string_view text) const { return source_.compare(at_, text.size(), text) == 0; }
  char now(std::size_t offset = 0) const {
    return at_ + offset < source_.size() ? source_[at_ + offset] : '\0';
  }
  void add(TokenKind kind, std::string text, Value value = {}) {
    tokens_.push_back({kind, std::move(text), std::move(value), line_});
  }
  void move_to(std::size_t end) {
    end = std::min(end, source_.size());
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    at_ = end;
  }
  [[noreturn]] void refuse(const std::string& what) const {
    fail(what + " in line " + std::to_string(line_));
  }

  /// Text up to the next tag, and the tag.
  void outside() {
    std::size_t tag = at_;
    for (;; ++tag) {
      tag = std::min(source_.find('{', tag), source_.size());
      if (tag + 1 >= source_.size()) tag = source_.size();
      if (tag == source_.size() || source_[tag + 1] == '{' || source_[tag + 1] == '%' ||
          source_[tag + 1] == '#') {
        break;
      }
    }
    std::string text = source_.substr(at_, tag - at_);
    const char kind = tag < source_.size() ? source_[tag + 1] : '\0';
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    if (kind != '\0' && sign == '-') {
      text.erase(text.find_last_not_of(kBlanks) + 1);
    } else if ((kind == '%' || kind == '#') && sign != '+') {
      // Blanks alone on the line before the tag.
      const std::size_t line = text.rfind('\n') + 1;
      const bool at_line_start = line > 0 || line_starts_;
      if (at_line_start && text.find_first_not_of(kBlanks, line) == std::string::npos) {
        text.erase(line);
      }
    }
    if (!text.empty()) add(TokenKind::kText, std::move(text));
    move_to(tag);
    if (kind == '\0') return;
    move_to(at_ + 2 + (sign == '-' || sign == '+' ? 1 : 0));
    if (kind == '#') {
      const std::size_t end = source_.find("#}", at_);
      if (end == std::string::npos) refuse("a comment does not end");
      move_to(end);
      after_tag(end > 0 ? source_[end - 1] : '\0', true);
    } else if (kind == '%') {
      if (!raw()) inside(TokenKind::kBlock, TokenKind::kEndBlock, '%');
    } else {
      inside(TokenKind::kPrint, TokenKind::kEndPrint, '}');
    }
  }

  /// At the two signs that end a tag: over them, and over the blanks that go with them.
  void after_tag(char sign, bool trims_line) {
    move_to(at_ + 2);
    const std::size_t begin = at_;
    if (sign == '-') {
      move_to(std::min(source_.find_first_not_of(kBlanks, at_), source_.size()));
    } else if (sign != '+' && trims_line && now() == '\n') {
      move_to(at_ + 1);
    }
    line_starts_ = at_ > begin && source_[at_ - 1] == '\n';
  }

  void skip_blanks() { move_to(std::min(source_.find_first_not_of(kBlanks, at_), source_.size())); }

  /// At the inside of a block tag: takes {% raw %} ... {% endraw %} when it is one.
  bool raw() {
    const std::size_t begin = at_;
    const int line = line_;
    skip_blanks();
    const bool is_raw = ahead("raw");
    if (is_raw) move_to(at_ + 3);
    skip_blanks();
    const char sign = now();
    if (is_raw && (sign == '-' || sign == '+')) move_to(at_ + 1);
    if (!is_raw || !ahead("%}")) {
      at_ = begin, line_ = line;
      return false;
    }
    after_tag(sign, true);
    for (std::size_t tag = at_;; ++tag) {
      tag = source_.find("{%", tag);
      if (tag == std::string::npos) refuse("'raw' does not end");
      std::size_t name = tag + 2;
      const char left = name < source_.size() ? source_[name] : '\0';
      if (left == '-' || left == '+') ++name;
      name = std::min(source_.find_first_not_of(kBlanks, name), source_.size());
      if (source_.compare(name, 6, "endraw") != 0) continue;
      std::size_t end = std::min(source_.find_first_not_of(kBlanks, name + 6), source_.size());
      const char right = end < source_.size() ? source_[end] : '\0';
      if (right == '-' || right == '+') ++end;
      if (source_.compare(end, 2, "%}") != 0) continue;
      std::string text = source_.substr(at_, tag - at_);
      if (left == '-') text.erase(text.find_last_not_of(kBlanks) + 1);
      if (!text.empty()) add(TokenKind::kText, std::move(text));
      move_to(end);
      after_tag(right, true);
      return true;
    }
  }

  /// The tokens of a tag. `closer` and '}' end it, outside of brackets.
  void inside(TokenKind begin, TokenKind end, char closer) {
    add(begin, "");
    std::string brackets;
    for (;;) {
      skip_blanks();
      if (at_ >= source_.size()) refuse("a tag does not end");
      if (brackets.empty()) {
        const bool has_sign = (now() == '-' || now() == '+') && now(1) == closer && now(2) == '}';
        if (has_sign || (now() == closer && now(1) == '}')) {
          const char sign = has_sign ? now() : '\0';
          if (has_sign) move_to(at_ + 1);
          add(end, "");
          after_tag(sign, closer == '%');
          return;
        }
      }
      token(brackets);
    }
  }

  void token(std::string& brackets) {
    const char c = now();
    if (is_name_start(c)) {
      std::size_t end = at_;
      while (end < source_.size() && (is_name_start(source_[end]) || is_digit(source_[end]))) ++end;
      add(TokenKind::kName, source_.substr(at_, end - at_));
      move_to(end);
    } else if (is_digit(c)) {
      number();
    } else if (c == '"' || c == '\'') {
      string(c);
    } else {
      for (std::string_view sign : {"==", "!=", "<=", ">=", "//", "**"}) {
        if (ahead(sign)) {
          add(TokenKind::kSign, std::string(sign));
          move_to(at_ + 2);
          return;
        }
      }
      if (std::string_view("+-*/%~<>=()[]{},.:|").find(c) == std::string_view::npos) {
        refuse(std::string("an unexpected character '") + c + "'");
      }
      if (c == '(' || c == '[' || c == '{') brackets.push_back(c);
      if (c == ')' || c == ']' || c == '}') {
        const char open = c == ')' ? '(' : c == ']' ? '[' : '{';
        if (brackets.empty() || brackets.back() != open)
          refuse("a bracket closes that is not open");
        brackets.pop_back();
      }
      add(TokenKind::kSign, std::string(1, c));
      move_to(at_ + 1);
    }
  }

  void number() {
    std::string digits;
    bool is_float = false;
    std::size_t end = at_;
    const auto take = [&] {
      while (end < source_.size() && (is_digit(source_[end]) || source_[end] == '_')) {
        if (source_[end] != '_') digits.push_back(source_[end]);
        ++end;
      }
    };
    const auto digit_at = [&](std::size_t i) { return i < source_.size() && is_digit(source_[i]); };
    take();
    if (end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      is_float = true;
      digits.push_back('.'), ++end;
      take();
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      const bool has_sign =
          end + 1 < source_.size() && (source_[end + 1] == '-' || source_[end + 1] == '+');
      if (digit_at(end + 1 + has_sign)) {
        is_float = true;
        digits.push_back('e');
        if (has_sign && source_[end + 1] == '-') digits.push_back('-');
        end += 1 + has_sign;
        take();
      }
    }
    Value value;
    if (is_float) {
      double number = 0.0;
      if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc()) {
        refuse("a number is out of range");
      }
      value = Value(number);
    } else {
      std::int64_t number = 0;
      if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc()) {
        refuse("a number is out of range");
      }
      value = Value(number);
    }
    add(TokenKind::kNumber, "", value);
    move_to(end);
  }

  void string(char quote) {
    std::string text;
    std::size_t i = at_ + 1;
    for (;; ++i) {
      if (i >= source_.size()) refuse("a string does not end");
      if (source_[i] == quote) break;
      if (source_[i] != '\\' || i + 1 >= source_.size()) {
        text.push_back(source_[i]);
        continue;
      }
      const char c = source_[++i];
      constexpr std::string_view kLetters = "abfnrtv0", kMeant = "\a\b\f\n\r\t\v\0";
      const std::size_t named = kLetters.find(c);
      const int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
      if (named != std::string_view::npos) {
        text.push_back(c == '0' ? '\0' : kMeant[named]);
      } else if (digits > 0) {
        unsigned code = 0;
        const char* begin = source_.data() + i + 1;
        const char* limit =
            source_.data() + std::min(source_.size(), i + 1 + static_cast<std::size_t>(digits));
        const auto read = std::from_chars(begin, limit, code, 16);
        if (read.ptr != begin + digits || code > 0x10FFFF) refuse("an escape is not valid");
        append_utf8(text, code);
        i += static_cast<std::size_t>(digits);
      } else if (c == '\\' || c == '\'' || c == '"') {
        text.push_back(c);
      } else if (c != '\n') {
        text.push_back('\\');
        text.push_back(c);
      }
    }
    add(TokenKind::kString, std::move(text));
    move_to(i + 1);
  }

  std::string source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starts_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex(std::string_view source) { return Lexer(source).run(); }

}  // namespace aisp::text::jinja
