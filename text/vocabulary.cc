// See vocabulary.h.
#include "text/vocabulary.h"

#include "base/error.h"
#include "text/utf8.h"

namespace aisp::text {
namespace {

constexpr char32_t kFirstMoved = 0x100;  // where the alphabet puts bytes that do not print

constexpr bool prints(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<char32_t, 256> of_byte{};
  std::array<std::int16_t, 0x200> byte_of{};
  constexpr Alphabet() {
    for (auto& byte : byte_of) byte = -1;
    char32_t moved = kFirstMoved;
    for (unsigned byte = 0; byte < 256; ++byte) {
      of_byte[byte] = prints(byte) ? byte : moved++;
      byte_of[of_byte[byte]] = static_cast<std::int16_t>(byte);
    }
  }
};
constexpr Alphabet kAlphabet;

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size() + 16);
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(from, at);
    out.append(text.substr(at, found - at));
    if (found == std::string_view::npos) return out;
    out.append(to);
    at = found + from.size();
  }
}

/// The value of "<0xNN>"; -1 for any other text.
int byte_of_piece(std::string_view piece) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>') return -1;
  const int high = digit(piece[3]), low = digit(piece[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

std::string to_byte_alphabet(std::string_view bytes) {
  std::string out;
  for (char c : bytes) append_utf8(out, kAlphabet.of_byte[static_cast<unsigned char>(c)]);
  return out;
}

std::string from_byte_alphabet(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    if (!c.valid || c.code >= kAlphabet.byte_of.size() || kAlphabet.byte_of[c.code] < 0) {
      return std::string(text);
    }
    out.push_back(static_cast<char>(kAlphabet.byte_of[c.code]));
    at += static_cast<std::size_t>(c.bytes);
  }
  return out;
}

std::string escape_spaces(std::string_view text) { return replaced(text, " ", kSpaceMark); }
std::string unescape_spaces(std::string_view text) { return replaced(text, kSpaceMark, " "); }

Vocabulary::Vocabulary(const TokenizerSpec& spec)
    : by_text_(spec.pieces.size()), special_by_text_(256) {
  byte_pieces_.fill(-1);
  starts_.reserve(spec.pieces.size() + 1);
  byte_starts_.reserve(spec.pieces.size() + 1);
  for (std::size_t i = 0; i < spec.pieces.size(); ++i) {
    const PieceType type = spec.type_of(i);
    const std::int32_t id = static_cast<std::int32_t>(i);
    const bool is_text = type == PieceType::kNormal || type == PieceType::kUnused;
    const std::string& piece = spec.pieces[i];
    const std::string text = is_text && spec.byte_level ? from_byte_alphabet(piece) : piece;
    starts_.push_back(static_cast<std::uint32_t>(model_texts_.size()));
    byte_starts_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    model_texts_.append(text);
    const int byte = byte_of_piece(piece);
    // Files exist whose byte pieces are marked normal.
    const bool is_byte = type == PieceType::kByte || (spec.byte_fallback && is_text && byte >= 0);
    if (is_byte && byte >= 0) {
      bytes_.push_back(static_cast<char>(byte));
      if (byte_pieces_[byte] < 0) byte_pieces_[byte] = id;
    } else if (spec.escape_spaces && (is_text || type == PieceType::kUserDefined)) {
      bytes_.append(unescape_spaces(text));
    } else {
      bytes_.append(text);
    }
    FlatTable<std::int32_t>& table =
        is_byte || !(is_text || type == PieceType::kUserDefined) ? special_by_text_ : by_text_;
    const auto same = [&](std::int32_t other) { return model_text(other) == text; };
    // model_text() needs the end of this piece only for this piece itself.
    const std::uint64_t hash = hash_bytes(text);
    if (table.find(hash, same) == nullptr) table.insert(hash, id);
  }
  starts_.push_back(static_cast<std::uint32_t>(model_texts_.size()));
  byte_starts_.push_back(static_cast<std::uint32_t>(bytes_.size()));
}

std::int32_t Vocabulary::find(std::string_view model_text) const {
  const std::int32_t* id = by_text_.find(hash_bytes(model_text), [&](std::int32_t other) {
    return this->model_text(other) == model_text;
  });
  return id == nullptr ? -1 : *id;
}

std::int32_t Vocabulary::find_any(std::string_view model_text) const {
  const std::int32_t normal = find(model_text);
  if (normal >= 0) return normal;
  const std::int32_t* id = special_by_text_.find(hash_bytes(model_text), [&](std::int32_t other) {
    return this->model_text(other) == model_text;
  });
  return id == nullptr ? -1 : *id;
}

}  // namespace aisp::text
