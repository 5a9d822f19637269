// The patterns compiled by PCRE2 and run over valid UTF-8. See pre_tokenizer.h.
#include "text/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "base/error.h"
#include "text/utf8.h"

namespace aisp::text {
namespace {

// Unicode's White_Space. PCRE2's own \s also has U+180E, which left White_Space with Unicode 6.3.
constexpr std::string_view kSpace = R"(\t-\r\x{85}\p{Z})";

/// \s and \S of a pattern spelled out.
std::string with_unicode_spaces(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      if (next == 's') {
        out.append(in_class ? "" : "[").append(kSpace).append(in_class ? "" : "]");
      } else if (next == 'S' && !in_class) {
        out.append("[^").append(kSpace).append("]");
      } else {
        out.push_back(c);
        out.push_back(next);
      }
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    out.push_back(c);
  }
  return out;
}

// A match of the published patterns takes a few steps a character; this is what a hostile pattern
// may cost before it is refused (about 0.1 s).
constexpr std::uint32_t kMatchLimit = 10'000'000;

template <auto free>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    free(pointer);
  }
};
using Code = std::unique_ptr<pcre2_code, Free<pcre2_code_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Free<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Free<pcre2_match_data_free>>;

std::string message_of(int code) {
  PCRE2_UCHAR text[200] = {};
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

}  // namespace

struct PreTokenizer::Pattern {
  std::string text;
  Code code;
  MatchContext context;
  bool compiled_further = false;

  explicit Pattern(const std::string& pattern) : text(pattern) {
    const std::string spelled = with_unicode_spaces(pattern);
    int error = 0;
    PCRE2_SIZE at = 0;
    // MULTILINE: tokenizer.json is read by Oniguruma, where $ is the end of a line.
    const std::uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
    code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(spelled.data()), spelled.size(), options,
                             &error, &at, nullptr));
    if (!code) {
      throw Error("the pattern that splits words cannot be compiled: " + message_of(error),
                  "pre-tokenizer", "the pattern is " + whole_characters(text.substr(0, 200)));
    }
    compiled_further = pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE) == 0;
    context.reset(pcre2_match_context_create(nullptr));
    pcre2_set_match_limit(context.get(), kMatchLimit);
    pcre2_set_heap_limit(context.get(), 64 << 10);  // KiB
  }

  /// The next match at or after `from`; false when there is none.
  bool find(std::string_view subject, std::size_t from, MatchData& data) const {
    const auto* bytes = reinterpret_cast<PCRE2_SPTR>(subject.data());
    int found = PCRE2_ERROR_JIT_STACKLIMIT;
    if (compiled_further) {
      found = pcre2_jit_match(code.get(), bytes, subject.size(), from, PCRE2_NO_UTF_CHECK,
                              data.get(), context.get());
    }
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
      found = pcre2_match(code.get(), bytes, subject.size(), from,
                          PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data.get(), context.get());
    }
    if (found >= 0) return true;
    if (found == PCRE2_ERROR_NOMATCH) return false;
    throw Error("a text could not be split into words: " + message_of(found), "pre-tokenizer",
                "the pattern is " + whole_characters(text.substr(0, 200)));
  }

  /// Cuts valid UTF-8.
  void cut(std::string_view subject, std::vector<std::string_view>& words) const {
    MatchData data(pcre2_match_data_create_from_pattern(code.get(), nullptr));
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(data.get());
    const auto add = [&](std::size_t begin, std::size_t end) {
      if (begin < end) words.push_back(subject.substr(begin, end - begin));
    };
    std::size_t done = 0, from = 0;
    while (from <= subject.size() && find(subject, from, data)) {
      const std::size_t begin = std::max(range[0], done), end = std::max(range[1], begin);
      add(done, begin);
      add(begin, end);
      done = end;
      from = std::max(from, end);
      // An empty match cuts, and the search goes on after the next character.
      if (begin == end) from += from < subject.size() ? utf8_at(subject, from).bytes : 1;
    }
    add(done, subject.size());
  }
};

PreTokenizer::PreTokenizer(const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) patterns_.emplace_back(pattern);
}
PreTokenizer::~PreTokenizer() = default;
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;

void PreTokenizer::split(std::string_view text, std::vector<std::string_view>& words) const {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Run run = utf8_run(text, at);
    at += run.bytes.size();
    if (!run.valid || patterns_.empty()) {
      words.push_back(run.bytes);
      continue;
    }
    if (patterns_.size() == 1) {
      patterns_.front().cut(run.bytes, words);
      continue;
    }
    std::vector<std::string_view> whole = {run.bytes}, parts;
    for (const Pattern& pattern : patterns_) {
      parts.clear();
      for (std::string_view word : whole) pattern.cut(word, parts);
      whole.swap(parts);
    }
    words.insert(words.end(), whole.begin(), whole.end());
  }
}

}  // namespace aisp::text
