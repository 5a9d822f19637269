// The pieces of a vocabulary as a tree of bytes, in one array: a node's first child follows it, and
// `end` jumps over everything below it. A walk in array order visits every piece once and leaves
// out a whole subtree with one jump, which is what a grammar's mask needs; going down by a byte
// steps from sibling to sibling. Special tokens, unigram models and grammars share it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace aisp::text {

class PieceTrie {
 public:
  struct Node {
    std::uint32_t end;          // the first node that is not below this one
    std::uint32_t first_value;  // values of this node: [first_value, the next node's first_value)
    std::uint16_t depth;        // length of its text; the root's is 0
    std::uint8_t byte;          // the last byte of its text
  };

  PieceTrie() : PieceTrie(std::vector<std::pair<std::string_view, std::int32_t>>()) {}
  /// Texts may repeat; empty ones hang at the root. Texts longer than 65535 bytes must not occur.
  explicit PieceTrie(std::vector<std::pair<std::string_view, std::int32_t>> texts);

  std::span<const Node> nodes() const { return {nodes_.data(), nodes_.size() - 1}; }
  /// The values of the texts that end at a node.
  std::span<const std::int32_t> values(std::size_t node) const {
    return std::span(values_).subspan(nodes_[node].first_value,
                                      nodes_[node + 1].first_value - nodes_[node].first_value);
  }
  /// The child of `node` for a byte; 0 when there is none.
  std::uint32_t child(std::uint32_t node, unsigned char byte) const {
    if (node == 0) return top_[byte];
    for (std::uint32_t at = node + 1; at < nodes_[node].end; at = nodes_[at].end) {
      if (nodes_[at].byte >= byte) return nodes_[at].byte == byte ? at : 0;
    }
    return 0;
  }

 private:
  std::vector<Node> nodes_;  // and one more that ends the values of the last
  std::vector<std::int32_t> values_;
  std::array<std::uint32_t, 256> top_{};
};

}  // namespace aisp::text
