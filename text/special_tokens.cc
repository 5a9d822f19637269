// See special_tokens.h.
#include "text/special_tokens.h"

namespace aisp::text {
namespace {

constexpr std::uint8_t kIsControl = 1, kStripLeft = 2, kStripRight = 4;
constexpr std::string_view kBlanks = " \t\n\r\f\v";

}  // namespace

SpecialTokens::SpecialTokens(const TokenizerSpec& spec) : flags_(spec.pieces.size(), 0) {
  std::vector<std::pair<std::string_view, std::int32_t>> texts;
  for (std::size_t id = 0; id < spec.pieces.size(); ++id) {
    const PieceType type = spec.type_of(id);
    const bool control = type == PieceType::kControl || type == PieceType::kUnknown;
    if ((!control && type != PieceType::kUserDefined) || spec.pieces[id].empty()) continue;
    if (control) flags_[id] |= kIsControl;
    texts.emplace_back(spec.pieces[id], static_cast<std::int32_t>(id));
  }
  for (std::int32_t id : spec.strip_left) flags_[static_cast<std::size_t>(id)] |= kStripLeft;
  for (std::int32_t id : spec.strip_right) flags_[static_cast<std::size_t>(id)] |= kStripRight;
  trie_ = PieceTrie(std::move(texts));
}

std::int32_t SpecialTokens::match(std::string_view text, std::size_t at, bool with_control,
                                  std::size_t& length) const {
  std::int32_t found = -1;
  std::uint32_t node = 0;
  for (std::size_t end = at; end < text.size();) {
    node = trie_.child(node, static_cast<unsigned char>(text[end++]));
    if (node == 0) break;
    for (std::int32_t id : trie_.values(node)) {
      if (!with_control && (flags_[static_cast<std::size_t>(id)] & kIsControl)) continue;
      found = id;
      length = end - at;
      break;
    }
  }
  return found;
}

std::vector<SpecialTokens::Part> SpecialTokens::split(std::string_view text,
                                                      bool with_control) const {
  std::vector<Part> parts;
  std::size_t done = 0;
  const auto add_text = [&](std::size_t end, bool strip) {
    std::string_view between = text.substr(done, end - done);
    if (strip) between = between.substr(0, between.find_last_not_of(kBlanks) + 1);
    if (!between.empty()) parts.push_back({between, -1});
  };
  if (trie_.nodes().size() > 1) {
    for (std::size_t at = 0; at < text.size();) {
      std::size_t length = 0;
      const std::int32_t id = match(text, at, with_control, length);
      if (id < 0) {
        ++at;
        continue;
      }
      const std::uint8_t flags = flags_[static_cast<std::size_t>(id)];
      add_text(at, (flags & kStripLeft) != 0);
      parts.push_back({{}, id});
      at += length;
      if (flags & kStripRight) at = std::min(text.find_first_not_of(kBlanks, at), text.size());
      done = at;
    }
  }
  add_text(text.size(), false);
  return parts;
}

}  // namespace aisp::text
