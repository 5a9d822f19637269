// The steps of encode: special pieces out, normal form, spaces, words, pieces of each word, bytes
// for what has no piece. See tokenizer.h.
#include "text/tokenizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <optional>

#include "base/check.h"
#include "base/error.h"
#include "text/merges.h"
#include "text/pre_tokenizer.h"
#include "text/special_tokens.h"
#include "text/unigram.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

namespace aisp::text {
namespace {

constexpr std::size_t kTextLimit = std::size_t{1} << 30;

/// Appends the normal form of a run; bytes that are not UTF-8 as they are.
void append_normalized(std::string_view run, NormalForm form, std::string& out) {
  utf8proc_uint8_t* made = nullptr;
  const int compat = form == NormalForm::kNfkc ? UTF8PROC_COMPAT : 0;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(run.data()),
                   static_cast<utf8proc_ssize_t>(run.size()), &made,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | compat));
  if (length < 0) {
    out.append(run);
  } else {
    out.append(reinterpret_cast<const char*>(made), static_cast<std::size_t>(length));
  }
  std::free(made);
}

/// NFC or NFKC of the valid parts of a text; `text` itself when it is ASCII. An ASCII character
/// joins what follows it but never what is before it, so that stretches of others, each with the
/// one character before it, are all that can change.
std::string_view normalized(std::string_view text, NormalForm form, std::string& memory) {
  const auto is_ascii = [&](std::size_t i) { return static_cast<unsigned char>(text[i]) < 0x80; };
  std::size_t at = 0;
  while (at < text.size() && is_ascii(at)) ++at;
  if (form == NormalForm::kNone || at == text.size()) return text;
  memory.clear();
  for (std::size_t done = 0; done < text.size();) {
    at = done;
    while (at < text.size() && is_ascii(at)) ++at;
    std::size_t end = at;
    while (end < text.size() && !is_ascii(end)) ++end;
    if (at > done && at < end) --at;
    memory.append(text.substr(done, at - done));
    while (at < end) {
      const Utf8Run run = utf8_run(text.substr(0, end), at);
      if (run.valid) {
        append_normalized(run.bytes, form, memory);
      } else {
        memory.append(run.bytes);
      }
      at += run.bytes.size();
    }
    done = end;
  }
  return memory;
}

/// Runs of spaces as one, none at the ends.
std::string squeezed(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out.push_back(c);
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

/// Cuts before every run of U+2581 that follows something else.
void cut_at_spaces(std::string_view text, std::vector<std::string_view>& words) {
  std::size_t begin = 0;
  for (std::size_t at = text.find(kSpaceMark); at != std::string_view::npos;) {
    if (at > begin) words.push_back(text.substr(begin, at - begin));
    begin = at;
    while (text.substr(at, kSpaceMark.size()) == kSpaceMark) at += kSpaceMark.size();
    at = text.find(kSpaceMark, at);
  }
  if (begin < text.size()) words.push_back(text.substr(begin));
}

}  // namespace

struct Tokenizer::State {
  TokenizerSpec spec;
  Vocabulary vocabulary;
  SpecialTokens special;
  PreTokenizer pre_tokenizer;
  std::optional<Merges> merges;
  std::optional<Unigram> unigram;
  // Whether a piece, met as a word, is encoded as itself: 0 not known yet, 1 yes, 2 no. Every
  // thread that asks finds the same, so the order of the writes does not matter.
  mutable std::vector<std::atomic<std::uint8_t>> is_itself;

  explicit State(TokenizerSpec given)
      : spec(std::move(given)),
        vocabulary(spec),
        special(spec),
        pre_tokenizer(spec.patterns),
        is_itself(spec.pieces.size()) {
    if (spec.kind == TokenizerKind::kUnigram) {
      unigram.emplace(spec, vocabulary);
    } else {
      merges.emplace(spec, vocabulary);
    }
  }

  void model(std::string_view word, std::vector<std::int32_t>& symbols) const {
    if (merges) {
      merges->encode(word, symbols);
    } else {
      unigram->encode(word, symbols);
    }
  }

  /// The piece that the whole word is, or -1.
  std::int32_t whole(std::string_view word, std::vector<std::int32_t>& scratch) const {
    const std::int32_t id = vocabulary.find(word);
    if (id < 0 || spec.ignore_merges) return id;
    std::atomic<std::uint8_t>& known = is_itself[static_cast<std::size_t>(id)];
    std::uint8_t value = known.load(std::memory_order_relaxed);
    if (value == 0) {
      scratch.clear();
      model(word, scratch);
      value = scratch.size() == 1 && scratch.front() == id ? 1 : 2;
      known.store(value, std::memory_order_relaxed);
    }
    return value == 1 ? id : -1;
  }

  void encode_word(std::string_view word, std::vector<std::int32_t>& scratch,
                   std::vector<std::int32_t>& ids) const {
    const std::int32_t id = whole(word, scratch);
    if (id >= 0) {
      ids.push_back(id);
      return;
    }
    scratch.clear();
    model(word, scratch);
    bool in_unknown = false;
    for (std::int32_t symbol : scratch) {
      std::int32_t piece = symbol;
      if (symbol < 0) {
        const std::size_t at = static_cast<std::size_t>(~symbol);
        piece =
            spec.byte_fallback ? vocabulary.byte_piece(static_cast<unsigned char>(word[at])) : -1;
      }
      if (piece >= 0) {
        ids.push_back(piece);
      } else if (!in_unknown && spec.unknown >= 0) {
        ids.push_back(spec.unknown);
      }
      in_unknown = piece < 0;
    }
  }

  void encode_text(std::string_view text, bool prefix, std::vector<std::int32_t>& ids) const {
    std::string normal, spaced;
    text = normalized(text, spec.normal_form, normal);
    if (spec.squeeze_spaces) text = normal = squeezed(text);
    if (spec.escape_spaces || prefix) {
      const bool has_one = text.substr(0, 1) == " " || text.substr(0, 3) == kSpaceMark;
      if (prefix && !(spec.space_prefix_once && has_one)) spaced.push_back(' ');
      spaced.append(text);
      if (spec.escape_spaces) spaced = escape_spaces(spaced);
      text = spaced;
    }
    std::vector<std::string_view> words;
    if (!spec.patterns.empty()) {
      pre_tokenizer.split(text, words);
    } else if (merges && merges->words_end_at_spaces()) {
      cut_at_spaces(text, words);
    } else if (!text.empty()) {
      words.push_back(text);
    }
    std::vector<std::int32_t> scratch;
    ids.reserve(ids.size() + words.size() + words.size() / 4);
    for (std::string_view word : words) encode_word(word, scratch, ids);
  }
};

Tokenizer::Tokenizer(TokenizerSpec spec, std::string_view where) {
  check_spec(spec, where);
  state_ = std::make_unique<State>(std::move(spec));
}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

std::vector<std::int32_t> Tokenizer::encode(std::string_view text,
                                            const EncodeOptions& options) const {
  if (text.size() >= kTextLimit) {
    throw Error("the text has " + std::to_string(text.size()) + " bytes", "tokenizer",
                "at most 2^30 - 1 can be encoded at once");
  }
  const State& s = *state_;
  std::vector<std::int32_t> ids;
  if (options.add_special && s.spec.add_bos && s.spec.bos >= 0) ids.push_back(s.spec.bos);
  bool at_start = true, after_text = false;
  for (const SpecialTokens::Part& part : s.special.split(text, options.parse_special)) {
    if (part.id >= 0) {
      ids.push_back(part.id);
    } else {
      const bool prefix = s.spec.space_prefix == SpacePrefix::kAfterSpecial
                              ? !after_text
                              : s.spec.space_prefix == SpacePrefix::kAtStart && at_start;
      s.encode_text(part.text, prefix, ids);
    }
    after_text = part.id < 0;
    at_start = false;
  }
  if (options.add_special && s.spec.add_eos && s.spec.eos >= 0) ids.push_back(s.spec.eos);
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids,
                              const DecodeOptions& options) const {
  std::string out;
  bool take_space = !options.continues && state_->spec.space_prefix != SpacePrefix::kNever;
  for (std::int32_t id : ids) {
    if (id < 0 || id >= size()) continue;
    const PieceType kind = type(id);
    const bool special = kind == PieceType::kControl || kind == PieceType::kUnknown;
    if (special && !options.show_special) {
      take_space = take_space ||
                   (!options.continues && state_->spec.space_prefix == SpacePrefix::kAfterSpecial);
      continue;
    }
    std::string_view bytes = piece(id);
    if (take_space && !special && bytes.substr(0, 1) == " ") bytes.remove_prefix(1);
    take_space =
        special && !options.continues && state_->spec.space_prefix == SpacePrefix::kAfterSpecial;
    out.append(bytes);
  }
  return out;
}

std::int32_t Tokenizer::size() const { return state_->vocabulary.size(); }
std::string_view Tokenizer::piece(std::int32_t id) const {
  check(id >= 0 && id < size(), "an id is outside of the vocabulary");
  return state_->vocabulary.bytes(id);
}
PieceType Tokenizer::type(std::int32_t id) const {
  return state_->spec.type_of(static_cast<std::size_t>(id));
}
std::int32_t Tokenizer::id_of(std::string_view text) const {
  const std::int32_t id = state_->vocabulary.find_any(text);
  return id >= 0 || !state_->spec.byte_level ? id
                                             : state_->vocabulary.find(from_byte_alphabet(text));
}
bool Tokenizer::ends_text(std::int32_t id) const {
  const TokenizerSpec& spec = state_->spec;
  return id >= 0 &&
         (id == spec.eos || std::find(spec.ends.begin(), spec.ends.end(), id) != spec.ends.end());
}
const TokenizerSpec& Tokenizer::spec() const { return state_->spec; }

std::string StreamDecoder::add(std::int32_t id) {
  held_.append(tokenizer_->decode({&id, 1}, {.show_special = show_special_, .continues = true}));
  std::string rest;
  std::string out = whole_characters(held_, &rest);
  held_ = std::move(rest);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out = whole_characters(held_);
  held_.clear();
  return out;
}

}  // namespace aisp::text
