// UTF-8, the few functions that tokenizers, templates and grammars share: one character off the
// front of bytes that may be anything, and back. Invalid bytes are counted as the Unicode standard
// recommends: a maximal part of a broken character is one U+FFFD.
// Source: The Unicode Standard, section 3.9, table 3-7 and "U+FFFD substitution".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aisp::text {

constexpr char32_t kReplacement = 0xFFFD;

/// One character, or one maximal broken part.
struct Utf8Char {
  char32_t code = kReplacement;
  int bytes = 1;  // how many were read; at least 1
  bool valid = false;
  bool cut = false;  // broken only because the text ended: more bytes could make it valid
};

/// The character at text[at]; at < text.size().
Utf8Char utf8_at(std::string_view text, std::size_t at);

/// Appends the character's 1 to 4 bytes. `code` is at most 0x10FFFF.
void append_utf8(std::string& out, char32_t code);
std::string utf8_of(char32_t code);

/// The longest valid (or, from the first byte on, longest invalid) run from text[at] on.
struct Utf8Run {
  std::string_view bytes;
  bool valid = false;
};
Utf8Run utf8_run(std::string_view text, std::size_t at);

/// Number of characters; a broken part counts as one.
std::size_t utf8_length(std::string_view text);

/// The text with every broken part as U+FFFD. A part cut by the end stays out and is left in
/// `*rest` when rest is not null; else it becomes U+FFFD too.
std::string whole_characters(std::string_view text, std::string* rest = nullptr);

}  // namespace aisp::text
