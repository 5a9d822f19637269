// Text to the ids of a model's vocabulary and back. Reading order: tokenizer_spec.h (what a
// tokenizer is), this contract, tokenizer.cc (the steps), merges.h and unigram.h (the two models).
// Beyond what byte pairs cost, a word that is a piece by itself is found by one look-up: most are.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_spec.h"

namespace aisp::text {

struct EncodeOptions {
  bool add_special = true;     // begin and end ids, as the spec says
  bool parse_special = false;  // control pieces in the text are recognised: templates yes, users no
};

struct DecodeOptions {
  bool show_special = false;  // control pieces as their text
  bool continues = false;     // the ids follow others: the space put before a text is not taken off
};

class Tokenizer {
 public:
  /// Throws Error when the spec does not hold together (check_spec), or a pattern or merge is bad.
  /// Cost: 0.1 to 0.3 s for 128k pieces and 280k merges.
  explicit Tokenizer(TokenizerSpec spec, std::string_view where = "tokenizer");
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// Any bytes; n log n at worst. Bytes without a piece become `unknown` once a run, or nothing.
  /// Thread-safe. Throws Error for a text of 2^30 bytes or more.
  std::vector<std::int32_t> encode(std::string_view text, const EncodeOptions& options) const;
  std::vector<std::int32_t> encode(std::string_view text) const { return encode(text, {}); }

  /// The bytes; not always UTF-8 (StreamDecoder gives whole characters). Ids out of range are
  /// nothing. Undoes encode where the spec keeps all of the text.
  std::string decode(std::span<const std::int32_t> ids, const DecodeOptions& options) const;
  std::string decode(std::span<const std::int32_t> ids) const { return decode(ids, {}); }

  std::int32_t size() const;
  /// What an id prints: its bytes, control pieces too. 0 <= id < size().
  std::string_view piece(std::int32_t id) const;
  PieceType type(std::int32_t id) const;
  /// The id of a published text ("<|im_end|>"), or -1.
  std::int32_t id_of(std::string_view text) const;
  /// True for eos and the other ends of a turn.
  bool ends_text(std::int32_t id) const;
  const TokenizerSpec& spec() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Tokens as they come to text as it can be shown: only whole characters, bytes that are none as
/// U+FFFD. Control pieces are not shown unless asked. The Tokenizer must outlive it.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool show_special = false)
      : tokenizer_(&tokenizer), show_special_(show_special) {}

  /// What can be shown now; "" while a character is incomplete.
  std::string add(std::int32_t id);
  /// What was held back, as U+FFFD; the decoder is as it was made.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool show_special_;
  std::string held_;
};

}  // namespace aisp::text
