// UTF-8 validation after the table of well-formed byte sequences (Unicode 15, table 3-7).
#include "doctor/readable.h"

#include <cstdint>

namespace aisp::doctor {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Length of the well-formed sequence at the front of `s`, 0 when there is none.
std::size_t sequence_length(std::string_view s) {
  const auto at = [&](std::size_t i) {
    return i < s.size() ? static_cast<std::uint8_t>(s[i]) : std::uint8_t{0};
  };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xC0) == 0x80; };
  const std::uint8_t a = at(0), b = at(1);
  if (a < 0x80) return 1;
  if (a >= 0xC2 && a <= 0xDF) return tail(1) ? 2 : 0;
  if (a >= 0xE0 && a <= 0xEF) {
    const bool second = tail(1) && !(a == 0xE0 && b < 0xA0) && !(a == 0xED && b > 0x9F);
    return second && tail(2) ? 3 : 0;
  }
  if (a >= 0xF0 && a <= 0xF4) {
    const bool second = tail(1) && !(a == 0xF0 && b < 0x90) && !(a == 0xF4 && b > 0x8F);
    return second && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string readable(std::string_view bytes) {
  const std::size_t end = bytes.find_last_not_of(std::string_view(" \t\r\n\0", 5));
  bytes = bytes.substr(0, end == std::string_view::npos ? 0 : end + 1);
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    const char c = bytes[0];
    if (length == 0) {
      text += kReplacement;
    } else if (length > 1) {
      text += bytes.substr(0, length);
    } else if (c == '\0') {
      text += '\n';
    } else if (c != '\n' && c != '\t' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)) {
      if (c != '\r') text += kReplacement;
    } else {
      text += c;
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

}  // namespace aisp::doctor
