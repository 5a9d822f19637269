// See utf8.h.
#include "text/utf8.h"

namespace aisp::text {

Utf8Char utf8_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
  };
  const unsigned first = byte(at);
  if (first < 0x80) return {.code = first, .bytes = 1, .valid = true};
  int length = 0;
  // The second byte's range excludes overlong forms, surrogates and codes past 0x10FFFF.
  unsigned low = 0x80, high = 0xBF, code = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2, code = first & 0x1F;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3, code = first & 0x0F;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4, code = first & 0x07;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return {};
  }
  for (int i = 1; i < length; ++i) {
    if (at + static_cast<std::size_t>(i) >= text.size()) {
      return {.bytes = i, .valid = false, .cut = true};
    }
    const unsigned next = byte(at + static_cast<std::size_t>(i));
    if (next < low || next > high) return {.bytes = i};
    code = code << 6 | (next & 0x3F);
    low = 0x80, high = 0xBF;
  }
  return {.code = code, .bytes = length, .valid = true};
}

void append_utf8(std::string& out, char32_t code) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  }
}

std::string utf8_of(char32_t code) {
  std::string out;
  append_utf8(out, code);
  return out;
}

Utf8Run utf8_run(std::string_view text, std::size_t at) {
  if (at >= text.size()) return {{}, true};
  std::size_t end = at;
  const bool valid = utf8_at(text, at).valid;
  while (end < text.size()) {
    if (valid && static_cast<unsigned char>(text[end]) < 0x80) {
      ++end;
      continue;
    }
    const Utf8Char c = utf8_at(text, end);
    if (c.valid != valid) break;
    end += static_cast<std::size_t>(c.bytes);
  }
  return {text.substr(at, end - at), valid};
}

std::size_t utf8_length(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    at += static_cast<std::size_t>(utf8_at(text, at).bytes);
  }
  return count;
}

std::string whole_characters(std::string_view text, std::string* rest) {
  std::string out;
  out.reserve(text.size());
  if (rest != nullptr) rest->clear();
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    const std::size_t bytes = static_cast<std::size_t>(c.bytes);
    if (c.cut && rest != nullptr) {
      rest->assign(text.substr(at));
      return out;
    }
    if (c.valid) {
      out.append(text.substr(at, bytes));
    } else {
      append_utf8(out, kReplacement);
    }
    at += bytes;
  }
  return out;
}

}  // namespace aisp::text
