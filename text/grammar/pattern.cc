// The `pattern` of a JSON schema: the part of ECMAScript's regular expressions that schemas use, as
// what may stand inside of a JSON string. A pattern that is not anchored may have anything around.
#include <charconv>

#include "text/grammar/expression.h"
#include "text/utf8.h"

namespace aisp::text::grammar {
namespace {

constexpr int kMaxNesting = 50;
constexpr char32_t kQuote = 0x22, kBackslash = 0x5C;
constexpr std::int64_t kMaxRepeat = 10'000;

const Ranges kDigits = {{'0', '9'}};
const Ranges kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
// Control characters cannot stand in a JSON string as they are.
const Ranges kSpaces = {{' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                        {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
                        {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};

/// A set of characters as they stand in a JSON string: quote and backslash escaped, control
/// characters left out.
Expression in_string(const Expression& characters) {
  Ranges plain;
  std::vector<Expression> parts;
  const auto keep = [&](char32_t first, char32_t last) {
    if (first <= last) plain.emplace_back(first, last);
  };
  for (auto [first, last] : characters.ranges) {
    if (last < 0x20) continue;
    first = std::max<char32_t>(first, 0x20);
    for (char32_t escaped : {kQuote, kBackslash}) {
      if (escaped < first || escaped > last) continue;
      keep(first, escaped - 1);
      parts.push_back(text(escaped == kQuote ? "\\\"" : "\\\\"));
      first = escaped + 1;
    }
    keep(first, last);
  }
  if (!plain.empty()) parts.push_back(set(std::move(plain)));
  return parts.size() == 1 ? std::move(parts[0]) : choice(std::move(parts));
}

class Reader {
 public:
  explicit Reader(std::string_view pattern) : pattern_(pattern) {}

  Expression run() {
    // The anchors belong to the whole pattern, or to each of its outermost alternatives.
    std::vector<Expression> all;
    do {
      const bool begins = take('^');
      Expression body = items(0);
      const bool ends = take('$');
      std::vector<Expression> parts;
      if (!begins) parts.push_back(repeat(json_character(), 0, -1));
      parts.push_back(std::move(body));
      if (!ends) parts.push_back(repeat(json_character(), 0, -1));
      all.push_back(sequence(std::move(parts)));
    } while (take('|'));
    if (at_ < pattern_.size()) refuse("a sign at its place");
    return choice(std::move(all));
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    fail("the pattern '" + whole_characters(pattern_.substr(0, 100)) + "' has " + what +
             " that is not known here",
         "JSON schema");
  }
  char now() const { return at_ < pattern_.size() ? pattern_[at_] : '\0'; }
  bool take(char c) { return at_ < pattern_.size() && now() == c && (++at_, true); }

  Expression alternatives(int nesting) {
    if (nesting > kMaxNesting) refuse("a nesting of brackets");
    std::vector<Expression> parts;
    do {
      parts.push_back(items(nesting));
    } while (take('|'));
    return parts.size() == 1 ? std::move(parts[0]) : choice(std::move(parts));
  }

  Expression items(int nesting) {
    std::vector<Expression> parts;
    while (at_ < pattern_.size() && now() != '|' && now() != ')' && now() != '$') {
      parts.push_back(item(nesting));
      repeated(parts.back());
    }
    return sequence(std::move(parts));
  }

  Expression item(int nesting) {
    if (take('(')) {
      if (take('?') && !take(':')) refuse("a group");
      Expression group = alternatives(nesting + 1);
      if (!take(')')) refuse("an open bracket");
      return group;
    }
    if (take('[')) return char_class();
    if (take('.')) return in_string(set_without({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}));
    if (now() == '^' || now() == '*' || now() == '+' || now() == '?' || now() == '{') {
      refuse(std::string("a '") + now() + "' at its place");
    }
    return in_string(set(one()));
  }

  void repeated(Expression& part) {
    std::int64_t min = 0, max = -1;
    if (take('?')) {
      max = 1;
    } else if (take('+')) {
      min = 1;
    } else if (take('{')) {
      max = min = count();
      if (take(',')) max = now() == '}' ? -1 : count();
      if (!take('}') || (max >= 0 && max < min)) refuse("a repetition");
    } else if (!take('*')) {
      return;
    }
    take('?');  // a lazy repetition stands for the same texts
    if (now() == '*' || now() == '+' || now() == '?') refuse("a repetition of a repetition");
    part = repeat(std::move(part), min, max);
  }

  std::int64_t count() {
    std::int64_t value = 0;
    const auto read =
        std::from_chars(pattern_.data() + at_, pattern_.data() + pattern_.size(), value);
    if (read.ec != std::errc() || value < 0 || value > kMaxRepeat) refuse("a count");
    at_ = static_cast<std::size_t>(read.ptr - pattern_.data());
    return value;
  }

  /// A character, or the class of an escape.
  Ranges one() {
    if (!take('\\')) {
      const Utf8Char c = utf8_at(pattern_, at_);
      if (!c.valid) refuse("a byte");
      at_ += static_cast<std::size_t>(c.bytes);
      return {{c.code, c.code}};
    }
    const char c = now();
    ++at_;
    switch (c) {
      case 'd':
        return kDigits;
      case 'w':
        return kWord;
      case 's':
        return kSpaces;
      case 'D':
        return set_without(kDigits).ranges;
      case 'W':
        return set_without(kWord).ranges;
      case 'S':
        return set_without(kSpaces).ranges;
      case 'u':
      case 'x': {
        unsigned code = 0;
        const std::string_view digits =
            pattern_.substr(std::min(at_, pattern_.size()), c == 'u' ? 4 : 2);
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        if (digits.size() != (c == 'u' ? 4u : 2u) || read.ptr != digits.data() + digits.size()) {
          refuse("an escape");
        }
        at_ += digits.size();
        return {{code, code}};
      }
      default:
        break;
    }
    const bool is_sign = c > ' ' && c < 0x7F && !(c >= '0' && c <= '9') &&
                         !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
    if (!is_sign) refuse("an escape");
    return {{static_cast<char32_t>(c), static_cast<char32_t>(c)}};
  }

  Expression char_class() {
    const bool inverse = take('^');
    Ranges ranges;
    while (!take(']')) {
      if (at_ >= pattern_.size()) refuse("an open class");
      Ranges first = one();
      if (now() == '-' && pattern_.substr(at_, 2) != "-]" && first.size() == 1 &&
          first[0].first == first[0].second) {
        ++at_;
        if (at_ >= pattern_.size()) refuse("an open class");
        const Ranges last = one();
        if (last.size() != 1 || last[0].first != last[0].second || last[0].first < first[0].first) {
          refuse("a range");
        }
        first[0].second = last[0].first;
      }
      ranges.insert(ranges.end(), first.begin(), first.end());
    }
    return in_string(inverse ? set_without(std::move(ranges)) : set(std::move(ranges)));
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
};

}  // namespace

Expression json_character() {
  const Ranges hex = {{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
  // \uD800 to \uDFFF are halves of characters: left out, the character itself says the same.
  Expression code = choice(
      {sequence({set({{'0', '9'}, {'A', 'C'}, {'E', 'F'}, {'a', 'c'}, {'e', 'f'}}),
                 repeat(set(hex), 3, 3)}),
       sequence({set({{'D', 'D'}, {'d', 'd'}}), set({{'0', '7'}}), repeat(set(hex), 2, 2)})});
  return choice({set_without({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}, {0x7F, 0x7F}}),
                 sequence({text("\\"), choice({set({{'"', '"'},
                                                    {'\\', '\\'},
                                                    {'/', '/'},
                                                    {'b', 'b'},
                                                    {'f', 'f'},
                                                    {'n', 'n'},
                                                    {'r', 'r'},
                                                    {'t', 't'}}),
                                               sequence({text("u"), std::move(code)})})})});
}

Expression json_pattern(std::string_view pattern) { return Reader(pattern).run(); }

}  // namespace aisp::text::grammar
