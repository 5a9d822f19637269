// Byte-pair encoding of one word: neighbours are merged, best pair first, leftmost among equals,
// until none is left. The same code for merges in order of rank (GPT-2) and for SentencePiece's
// "the piece with the best score", which is turned into pairs when the table is made.
// Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", ACL
// 2016; Kudo and Richardson, "SentencePiece", EMNLP 2018 (the queue of candidates).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/flat_table.h"
#include "text/tokenizer_spec.h"
#include "text/vocabulary.h"

namespace aisp::text {

class Merges {
 public:
  /// Throws Error for a merge that is not two texts. Vocabulary must outlive this. Cost: about 0.3
  /// us a merge.
  Merges(const TokenizerSpec& spec, const Vocabulary& vocabulary);

  /// Appends the symbols of a word. Ids of pieces, or ~k for the k-th byte of the word where a byte
  /// or character has no piece: the caller decides what stands for it. n log n in the word's bytes
  /// (below kShortWord symbols n^2, which is quicker there).
  void encode(std::string_view word, std::vector<std::int32_t>& symbols) const;

  /// True when no piece has another character before U+2581: then text may be cut before each run
  /// of U+2581 without changing what it is encoded to.
  bool words_end_at_spaces() const { return words_end_at_spaces_; }

 private:
  struct Merge {
    std::uint32_t rank;  // smaller is merged first
    std::int32_t to;
  };
  // Texts that merges pass through although they are no piece get ids from vocabulary.size() on.
  std::int32_t symbol_of(std::string_view text);
  void add_merge(std::string_view left, std::string_view right, std::uint32_t rank);
  void read_merges(const TokenizerSpec& spec);
  void pairs_from_scores(const TokenizerSpec& spec);
  const Merge* merge_of(std::int32_t left, std::int32_t right) const {
    return pairs_.find(static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
                       static_cast<std::uint32_t>(right));
  }
  void merge_short(std::vector<std::int32_t>& symbols, std::vector<std::uint32_t>& begins) const;
  void merge_long(std::vector<std::int32_t>& symbols, std::vector<std::uint32_t>& begins) const;

  const Vocabulary& vocabulary_;
  bool byte_level_;
  bool words_end_at_spaces_ = false;
  std::array<std::int32_t, 256> of_byte_;
  FlatTable<Merge> pairs_;
  std::vector<std::string> passing_;
  FlatTable<std::int32_t> passing_by_text_;
};

}  // namespace aisp::text
