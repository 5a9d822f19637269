// See text.h. Widths: Unicode 15 East Asian Width, reduced to the blocks that occur in practice.
// Source: Markus Kuhn, "An implementation of wcwidth()".
#include "base/text.h"

#include <cstdint>

namespace aisp {
namespace {

constexpr char32_t kInvalid = 0xFFFFFFFF;
constexpr const char* kReplacement = "\xEF\xBF\xBD";

// Decodes one character at `at` and moves behind it; kInvalid moves one byte. Rejects overlong
// forms, surrogates and values beyond U+10FFFF.
char32_t decode(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(at);
  if (first < 0x80) {
    ++at;
    return first;
  }
  const int length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 0 || first > 0xF4 || at + length > text.size()) {
    ++at;
    return kInvalid;
  }
  char32_t value = first & (0x7F >> length);
  for (int i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) {
      ++at;
      return kInvalid;
    }
    value = (value << 6) | (byte(at + i) & 0x3F);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || (value >= 0xD800 && value < 0xE000) || value > 0x10FFFF) {
    ++at;
    return kInvalid;
  }
  at += static_cast<std::size_t>(length);
  return value;
}

bool in(char32_t c, char32_t low, char32_t high) { return low <= c && c <= high; }

bool is_unprintable(char32_t c) {
  return c < 0x20 || in(c, 0x7F, 0x9F) || in(c, 0x200E, 0x200F) || in(c, 0x2028, 0x202E) ||
         in(c, 0x2066, 0x2069) || c == 0x061C || c == 0xFEFF || in(c, 0xFDD0, 0xFDEF) ||
         (c & 0xFFFE) == 0xFFFE;
}

int width_of(char32_t c) {
  if (in(c, 0x0300, 0x036F) || in(c, 0x200B, 0x200D) || in(c, 0x20D0, 0x20FF) ||
      in(c, 0xFE00, 0xFE0F) || in(c, 0xFE20, 0xFE2F)) {
    return 0;
  }
  const bool wide = in(c, 0x1100, 0x115F) || in(c, 0x2E80, 0xA4CF) || in(c, 0xAC00, 0xD7A3) ||
                    in(c, 0xF900, 0xFAFF) || in(c, 0xFE30, 0xFE6F) || in(c, 0xFF00, 0xFF60) ||
                    in(c, 0xFFE0, 0xFFE6) || in(c, 0x1F300, 0x1FAFF) || in(c, 0x20000, 0x3FFFD);
  return wide ? 2 : 1;
}

}  // namespace

std::string printable(std::string_view bytes, bool keep_lines) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t begin = at;
    const char32_t c = decode(bytes, at);
    if (c == '\n' || c == '\t') {
      out += keep_lines ? static_cast<char>(c) : ' ';
    } else if (c == kInvalid || is_unprintable(c)) {
      out += kReplacement;
    } else {
      out.append(bytes, begin, at - begin);
    }
  }
  return out;
}

int display_width(std::string_view text) {
  int width = 0;
  for (std::size_t at = 0; at < text.size();) width += width_of(decode(text, at));
  return width;
}

std::string cut_to_width(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  if (width <= 0) return "";
  int used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t next = at;
    const int columns = width_of(decode(text, next));
    if (used + columns > width - 1) break;
    used += columns;
    at = next;
  }
  return std::string(text.substr(0, at)) + "…";
}

std::string pad_right(std::string_view text, int width) {
  const int missing = width - display_width(text);
  return std::string(text) + std::string(missing > 0 ? missing : 0, ' ');
}

std::string pad_left(std::string_view text, int width) {
  const int missing = width - display_width(text);
  return std::string(missing > 0 ? missing : 0, ' ') + std::string(text);
}

}  // namespace aisp
