// The pieces of a tokenizer as bytes: GPT-2's printable alphabet undone, U+2581 a space again,
// "<0xNN>" the byte. And the way back: which id has this text.
// Source: Radford et al., GPT-2's encoder.py (bytes_to_unicode); SentencePiece, byte_fallback.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/flat_table.h"
#include "text/tokenizer_spec.h"

namespace aisp::text {

/// GPT-2's alphabet: the bytes that print stay, the others are the characters from U+0100 on.
std::string to_byte_alphabet(std::string_view bytes);
/// Back; a text with a character outside of the alphabet stays as it is.
std::string from_byte_alphabet(std::string_view text);

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

/// Every ' ' as U+2581, and back.
std::string escape_spaces(std::string_view text);
std::string unescape_spaces(std::string_view text);

class Vocabulary {
 public:
  /// Keeps no reference to spec. Cost: about 0.1 us a piece.
  explicit Vocabulary(const TokenizerSpec& spec);

  std::int32_t size() const { return static_cast<std::int32_t>(starts_.size()) - 1; }
  /// What the text model joins and splits: bytes, spaces still U+2581 where the spec escapes them.
  std::string_view model_text(std::int32_t id) const { return at(model_texts_, starts_, id); }
  /// What is printed.
  std::string_view bytes(std::int32_t id) const { return at(bytes_, byte_starts_, id); }
  /// The piece that text may become (normal, user-defined or unused), or -1.
  std::int32_t find(std::string_view model_text) const;
  /// Any piece, special ones too; -1 when there is none.
  std::int32_t find_any(std::string_view model_text) const;
  /// The piece "<0xNN>" of a byte, or -1.
  std::int32_t byte_piece(unsigned char byte) const { return byte_pieces_[byte]; }

 private:
  static std::string_view at(const std::string& all, const std::vector<std::uint32_t>& starts,
                             std::int32_t id) {
    const std::size_t i = static_cast<std::size_t>(id);
    return std::string_view(all).substr(starts[i], starts[i + 1] - starts[i]);
  }
  std::string model_texts_, bytes_;
  std::vector<std::uint32_t> starts_, byte_starts_;
  FlatTable<std::int32_t> by_text_, special_by_text_;
  std::array<std::int32_t, 256> byte_pieces_;
};

}  // namespace aisp::text
