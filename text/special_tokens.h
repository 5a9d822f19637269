// Finds special pieces in a text: leftmost first, the longest of those that begin there. What lies
// between them is text.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/piece_trie.h"
#include "text/tokenizer_spec.h"

namespace aisp::text {

class SpecialTokens {
 public:
  explicit SpecialTokens(const TokenizerSpec& spec);

  struct Part {
    std::string_view text;  // when id < 0
    std::int32_t id = -1;
  };
  /// User-defined pieces always; control pieces when `with_control`. No part is empty text.
  std::vector<Part> split(std::string_view text, bool with_control) const;

 private:
  /// The longest special piece at text[at]; -1 when there is none.
  std::int32_t match(std::string_view text, std::size_t at, bool with_control,
                     std::size_t& length) const;
  PieceTrie trie_;
  std::vector<std::uint8_t> flags_;  // of each id: kControl, kStripLeft, kStripRight
};

}  // namespace aisp::text
