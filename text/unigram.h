// A unigram model: of all ways to cut a text into pieces, the one whose scores have the largest sum
// (Viterbi). Source: Kudo, "Subword Regularization", ACL 2018.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/piece_trie.h"
#include "text/tokenizer_spec.h"
#include "text/vocabulary.h"

namespace aisp::text {

class Unigram {
 public:
  /// Vocabulary must outlive this.
  Unigram(const TokenizerSpec& spec, const Vocabulary& vocabulary);

  /// As Merges::encode: ids, or ~k for the k-th byte of `text` where a character has no piece.
  /// Cost: bytes times the pieces that begin at each.
  void encode(std::string_view text, std::vector<std::int32_t>& symbols) const;

 private:
  PieceTrie trie_;
  std::vector<float> scores_;
  float unknown_score_;
};

}  // namespace aisp::text
