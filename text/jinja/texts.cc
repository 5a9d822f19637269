// See texts.h. Case and classes of characters come from utf8proc.
#include "text/jinja/texts.h"

#include <utf8proc.h>

#include <algorithm>

#include "text/jinja/value.h"
#include "text/utf8.h"

namespace aisp::text::jinja {
namespace {

bool is_space(char32_t code) {
  if (code <= 0x20)
    return code == ' ' || (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x1F);
  const utf8proc_category_t kind = utf8proc_category(static_cast<utf8proc_int32_t>(code));
  return code == 0x85 || kind == UTF8PROC_CATEGORY_ZS || kind == UTF8PROC_CATEGORY_ZL ||
         kind == UTF8PROC_CATEGORY_ZP;
}

bool is_letter(char32_t code) {
  const utf8proc_category_t kind = utf8proc_category(static_cast<utf8proc_int32_t>(code));
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_digit(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code)) == UTF8PROC_CATEGORY_ND;
}

/// The start of the character that ends before `end`.
std::size_t before(const std::string& text, std::size_t end) {
  std::size_t at = end - 1;
  while (at > 0 && end - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

}  // namespace

std::string stripped(const std::string& text, std::string_view which, bool left, bool right) {
  const auto goes = [&](std::size_t at) {
    const Utf8Char c = utf8_at(text, at);
    if (which.empty()) return is_space(c.code);
    return which.find(std::string_view(text).substr(at, static_cast<std::size_t>(c.bytes))) !=
           std::string_view::npos;
  };
  std::size_t begin = 0, end = text.size();
  while (left && begin < end && goes(begin))
    begin += static_cast<std::size_t>(utf8_at(text, begin).bytes);
  while (right && end > begin && goes(before(text, end))) end = before(text, end);
  return text.substr(begin, end - begin);
}

std::vector<std::string> split(const std::string& text, std::string_view by, std::int64_t times,
                               bool from_right) {
  // Where the separators are; then the cuts that count.
  std::vector<std::pair<std::size_t, std::size_t>> cuts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = static_cast<std::size_t>(utf8_at(text, at).bytes);
    if (by.empty() ? is_space(utf8_at(text, at).code) : text.compare(at, by.size(), by) == 0) {
      const std::size_t end = at + (by.empty() ? bytes : by.size());
      if (by.empty() && !cuts.empty() && cuts.back().second == at) {
        cuts.back().second = end;
      } else {
        cuts.emplace_back(at, end);
      }
      at = end;
    } else {
      at += bytes;
    }
  }
  std::size_t begin = 0, end = text.size();
  if (by.empty()) {
    if (!cuts.empty() && cuts.front().first == 0)
      begin = cuts.front().second, cuts.erase(cuts.begin());
    const bool at_end = !cuts.empty() && cuts.back().second == text.size();
    // With a limit the rest keeps its blanks, but not those before its first word.
    if (at_end && (from_right || times < 0 || cuts.size() <= static_cast<std::size_t>(times))) {
      end = cuts.back().first;
      cuts.pop_back();
    }
    if (begin >= end) return {};
  }
  if (times >= 0 && cuts.size() > static_cast<std::size_t>(times)) {
    if (from_right) {
      cuts.erase(cuts.begin(), cuts.end() - times);
    } else {
      cuts.resize(static_cast<std::size_t>(times));
    }
  }
  std::vector<std::string> parts;
  for (const auto& [cut, after] : cuts) {
    parts.push_back(text.substr(begin, cut - begin));
    begin = after;
  }
  parts.push_back(text.substr(begin, end - begin));
  return parts;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\r\n", at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
  }
  return lines;
}

std::string replaced(const std::string& text, std::string_view from, std::string_view to,
                     std::int64_t count, std::size_t limit) {
  std::string out;
  std::size_t at = 0;
  const auto put = [&](std::string_view part) {
    out.append(part);
    if (out.size() > limit) fail("a text of the template is too long");
  };
  for (; count != 0; --count) {
    // An empty text is found before every character and at the end.
    const std::size_t found = from.empty() ? at : text.find(from, at);
    if (found == std::string::npos) break;
    put(std::string_view(text).substr(at, found - at));
    put(to);
    at = found + from.size();
    if (!from.empty()) continue;
    if (at >= text.size()) return out;
    const std::size_t bytes = static_cast<std::size_t>(utf8_at(text, at).bytes);
    put(std::string_view(text).substr(at, bytes));
    at += bytes;
  }
  put(std::string_view(text).substr(at));
  return out;
}

std::int64_t count_of(const std::string& text, std::string_view part) {
  if (part.empty()) return static_cast<std::int64_t>(utf8_length(text)) + 1;
  std::int64_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

std::string in_case(const std::string& text, std::string_view how) {
  std::string out;
  bool first = true;  // of the text, or of a word
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    const std::size_t bytes = static_cast<std::size_t>(c.bytes);
    if (!c.valid) {
      out.append(text, at, bytes);
    } else {
      const bool up = how == "upper" || (first && how != "lower");
      const auto code = static_cast<utf8proc_int32_t>(c.code);
      if (up && c.code == 0xDF) {
        out += how == "upper" ? "SS" : "Ss";
      } else {
        append_utf8(out,
                    static_cast<char32_t>(up ? utf8proc_toupper(code) : utf8proc_tolower(code)));
      }
    }
    first = how == "title" && !is_letter(c.code);
    at += bytes;
  }
  return out;
}

bool is_all(const std::string& text, std::string_view what) {
  bool cased = false;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    const auto code = static_cast<utf8proc_int32_t>(c.code);
    const bool upper = utf8proc_tolower(code) != code, lower = utf8proc_toupper(code) != code;
    cased = cased || upper || lower;
    bool fits = true;
    if (what == "isdigit") fits = is_digit(c.code);
    if (what == "isalpha") fits = is_letter(c.code);
    if (what == "isalnum") fits = is_letter(c.code) || is_digit(c.code);
    if (what == "isspace") fits = is_space(c.code);
    if (what == "isupper") fits = !lower || upper;
    if (what == "islower") fits = !upper || lower;
    if (!fits) return false;
    at += static_cast<std::size_t>(c.bytes);
  }
  return what == "isupper" || what == "islower" ? cased : !text.empty();
}

}  // namespace aisp::text::jinja
