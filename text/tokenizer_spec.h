// What a tokenizer is, as plain data: the readers of model files, of tokenizer.json and the trainer
// fill it, Tokenizer makes it work. Texts of pieces are as published: a byte-level vocabulary in
// GPT-2's printable alphabet, a SentencePiece vocabulary with U+2581 for a space.
// Source: the keys tokenizer.ggml.* of the GGUF specification; SentencePiece's
// sentencepiece_model.proto (types of pieces).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::text {

enum class TokenizerKind : std::uint8_t {
  kBytePair,     // merges in order of rank ("gpt2" in GGUF)
  kScoredPairs,  // SentencePiece BPE: two neighbours become the piece with the best score ("llama")
  kUnigram,      // the split with the largest sum of scores ("t5")
};

/// The numbers are SentencePiece's, and GGUF's.
enum class PieceType : std::uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      // found in text only when parse_special; decodes to nothing
  kUserDefined = 4,  // always found in text as a whole, before anything else
  kUnused = 5,
  kByte = 6,  // "<0xNN>"
};

enum class NormalForm : std::uint8_t { kNone, kNfc, kNfkc };

/// Where a space is put before text that does not follow text.
enum class SpacePrefix : std::uint8_t { kNever, kAtStart, kAfterSpecial };

struct TokenizerSpec {
  TokenizerKind kind = TokenizerKind::kBytePair;
  std::vector<std::string> pieces;  // the index is the id
  std::vector<PieceType> types;     // empty: all kNormal; else as many as pieces
  std::vector<float> scores;        // kScoredPairs, kUnigram: as many as pieces
  std::vector<std::string> merges;  // kBytePair: "left right", best first

  std::vector<std::string> patterns;  // split before byte pairs, one after the other; see
                                      // pre_tokenizer.h. Empty: no split
  bool byte_level = false;            // pieces are in GPT-2's alphabet of bytes
  bool ignore_merges = false;         // a word that is a piece is that piece, whatever the merges
  bool escape_spaces = false;         // ' ' is U+2581 in pieces
  bool byte_fallback = false;         // characters without a piece become their bytes' pieces
  bool squeeze_spaces = false;        // runs of spaces become one; none at the ends
  SpacePrefix space_prefix = SpacePrefix::kNever;
  bool space_prefix_once = false;  // not where the text begins with a space
  NormalForm normal_form = NormalForm::kNone;

  std::int32_t bos = -1, eos = -1, unknown = -1, pad = -1;  // -1: there is none
  std::vector<std::int32_t> ends;  // what else ends a turn (end of turn, end of message)
  bool add_bos = false, add_eos = false;

  // Pieces that swallow blanks beside them when found in text ("lstrip", "rstrip" of
  // tokenizer.json).
  std::vector<std::int32_t> strip_left, strip_right;

  PieceType type_of(std::size_t id) const { return types.empty() ? PieceType::kNormal : types[id]; }
};

/// Throws Error when the numbers do not fit each other: lengths, ids, types, limits. `where` names
/// the file for the message.
void check_spec(const TokenizerSpec& spec, std::string_view where);

}  // namespace aisp::text
