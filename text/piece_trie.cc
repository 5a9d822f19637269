// See piece_trie.h.
#include "text/piece_trie.h"

#include <algorithm>

#include "base/check.h"

namespace aisp::text {

PieceTrie::PieceTrie(std::vector<std::pair<std::string_view, std::int32_t>> texts) {
  // string_view compares bytes as unsigned: children come in rising order.
  std::sort(texts.begin(), texts.end());
  nodes_.push_back({0, 0, 0, 0});
  std::vector<std::uint32_t> path = {0};
  const auto close = [&](std::size_t depth) {
    while (path.size() > depth + 1) {
      nodes_[path.back()].end = static_cast<std::uint32_t>(nodes_.size());
      path.pop_back();
    }
  };
  std::string_view last;
  for (const auto& [text, value] : texts) {
    check(text.size() <= 0xFFFF, "a piece is too long for a tree of pieces");
    const auto [a, b] = std::mismatch(last.begin(), last.end(), text.begin(), text.end());
    close(static_cast<std::size_t>(a - last.begin()));
    for (std::size_t depth = path.size() - 1; depth < text.size(); ++depth) {
      const unsigned char byte = static_cast<unsigned char>(text[depth]);
      const std::uint32_t node = static_cast<std::uint32_t>(nodes_.size());
      if (depth == 0) top_[byte] = node;
      nodes_.push_back({0, static_cast<std::uint32_t>(values_.size()),
                        static_cast<std::uint16_t>(depth + 1), byte});
      path.push_back(node);
    }
    values_.push_back(value);
    last = text;
  }
  close(0);
  nodes_[0].end = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back({0, static_cast<std::uint32_t>(values_.size()), 0, 0});
}

}  // namespace aisp::text
