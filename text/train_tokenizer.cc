// Words are counted, the learner finds the merges, and the pieces are written down. See
// train_tokenizer.h.
#include "text/train_tokenizer.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/error.h"
#include "text/pair_learner.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

namespace aisp::text {
namespace {

// A word costs each merge in it its whole length; longer ones (text without spaces) are cut.
constexpr std::size_t kMaxWordBytes = 256;
// SentencePiece's own limit is 16 characters.
constexpr std::size_t kMaxPieceBytes = 64;
constexpr double kCoveredCharacters = 0.9995;  // SentencePiece's character_coverage
constexpr std::int32_t kMinVocabulary = 300, kMaxVocabulary = 1 << 20;

using Counts = std::vector<std::pair<std::string_view, std::int64_t>>;

class WordCounter {
 public:
  void add(std::string_view word) {
    while (word.size() > kMaxWordBytes) {
      std::size_t cut = kMaxWordBytes;
      while (cut > 1 && (static_cast<unsigned char>(word[cut]) & 0xC0) == 0x80) --cut;
      ++counts_[std::string(word.substr(0, cut))];
      word.remove_prefix(cut);
    }
    if (!word.empty()) ++counts_[std::string(word)];
  }
  /// In the order of the words' bytes, so that nothing depends on a hash.
  Counts sorted() const {
    Counts all(counts_.begin(), counts_.end());
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  std::unordered_map<std::string, std::int64_t> counts_;
};

void check_options(const TrainOptions& options, std::int32_t fixed) {
  const auto refuse = [](const std::string& what, const std::string& remedy) {
    throw Error(what, "tokenizer training", remedy);
  };
  if (options.vocabulary < kMinVocabulary || options.vocabulary > kMaxVocabulary) {
    refuse("a vocabulary of " + std::to_string(options.vocabulary) + " pieces cannot be learnt",
           "ask for 300 to 1048576");
  }
  if (options.vocabulary < fixed) {
    refuse("the bytes and control pieces alone are " + std::to_string(fixed) + " pieces",
           "ask for a larger vocabulary");
  }
  std::vector<std::string> control = options.control;
  std::sort(control.begin(), control.end());
  if (std::adjacent_find(control.begin(), control.end()) != control.end() ||
      (!control.empty() && control.front().empty())) {
    refuse("a control piece is empty or given twice", "give each once");
  }
}

void add_piece(TokenizerSpec& spec, std::string piece, PieceType type, float score = 0.0f) {
  spec.pieces.push_back(std::move(piece));
  spec.types.push_back(type);
  if (spec.kind == TokenizerKind::kScoredPairs) spec.scores.push_back(score);
}

void fill_up(TokenizerSpec& spec, std::size_t size) {
  for (std::size_t i = 0; spec.pieces.size() < size; ++i) {
    add_piece(spec, "<unused_" + std::to_string(i) + ">", PieceType::kUnused, -1e9f);
  }
}

}  // namespace

TokenizerSpec train_byte_pairs(std::span<const std::string_view> texts,
                               const TrainOptions& options) {
  const std::int32_t control = static_cast<std::int32_t>(options.control.size());
  check_options(options, 256 + control);
  TokenizerSpec spec;
  set_pre_tokenizer(spec, options.pre_tokenizer);
  spec.add_bos = false;
  const PreTokenizer cutter(spec.patterns);
  WordCounter counter;
  std::vector<std::string_view> words;
  for (std::string_view text : texts) {
    words.clear();
    cutter.split(text, words);
    for (std::string_view word : words) counter.add(word);
  }
  const Counts counts = counter.sorted();
  std::vector<CountedWord> counted;
  for (const auto& [word, count] : counts) {
    counted.push_back({{}, count});
    for (char c : word) counted.back().symbols.push_back(static_cast<unsigned char>(c));
  }
  const auto merges =
      learn_pairs(std::move(counted), {.first_symbol = 256,
                                       .merges = options.vocabulary - 256 - control,
                                       .min_count = options.min_count,
                                       .max_bytes = kMaxPieceBytes,
                                       .bytes_of = std::vector<std::size_t>(256, 1)});
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    add_piece(spec, to_byte_alphabet(std::string_view(&c, 1)), PieceType::kNormal);
  }
  for (const auto& [left, right] : merges) {
    const std::string& from = spec.pieces[static_cast<std::size_t>(left)];
    const std::string& with = spec.pieces[static_cast<std::size_t>(right)];
    spec.merges.push_back(from + " " + with);
    add_piece(spec, from + with, PieceType::kNormal);
  }
  fill_up(spec, static_cast<std::size_t>(options.vocabulary - control));
  for (const std::string& piece : options.control) add_piece(spec, piece, PieceType::kControl);
  return spec;
}

namespace {

/// Words as SentencePiece sees them: lines, spaces escaped, cut before each run of U+2581.
Counts marked_words(std::span<const std::string_view> texts, WordCounter& counter) {
  for (std::string_view text : texts) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = escape_spaces(std::string(1, ' ').append(text.substr(at, end - at)));
      std::size_t begin = 0;
      for (std::size_t i = kSpaceMark.size(); i <= line.size(); ++i) {
        const bool mark = line.compare(i, kSpaceMark.size(), kSpaceMark) == 0;
        const bool after_mark =
            i >= kSpaceMark.size() &&
            line.compare(i - kSpaceMark.size(), kSpaceMark.size(), kSpaceMark) == 0;
        if (i < line.size() && !(mark && !after_mark)) continue;
        counter.add(std::string_view(line).substr(begin, i - begin));
        begin = i;
      }
      at = end + 1;
    }
  }
  return counter.sorted();
}

/// The characters that get pieces, most frequent first.
std::vector<std::string> frequent_characters(const Counts& words, std::size_t room) {
  std::map<std::string, std::int64_t> counts;
  std::int64_t total = 0;
  for (const auto& [word, count] : words) {
    for (std::size_t at = 0; at < word.size();) {
      const Utf8Char c = utf8_at(word, at);
      if (c.valid) {
        counts[std::string(word.substr(at, static_cast<std::size_t>(c.bytes)))] += count;
        total += count;
      }
      at += static_cast<std::size_t>(c.bytes);
    }
  }
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const auto& [character, count] : counts) order.emplace_back(-count, character);
  std::sort(order.begin(), order.end());
  std::vector<std::string> kept;
  std::int64_t covered = 0;
  for (const auto& [count, character] : order) {
    if (kept.size() == room ||
        static_cast<double>(covered) >= kCoveredCharacters * static_cast<double>(total)) {
      break;
    }
    kept.push_back(character);
    covered -= count;
  }
  return kept;
}

void add_fixed_pieces(TokenizerSpec& spec, const TrainOptions& options) {
  add_piece(spec, "<unk>", PieceType::kUnknown);
  add_piece(spec, "<s>", PieceType::kControl);
  add_piece(spec, "</s>", PieceType::kControl);
  for (const std::string& piece : options.control) add_piece(spec, piece, PieceType::kControl);
  for (unsigned byte = 0; byte < 256; ++byte) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    add_piece(spec, {'<', '0', 'x', kDigits[byte / 16], kDigits[byte % 16], '>'}, PieceType::kByte);
  }
}

}  // namespace

TokenizerSpec train_scored_pairs(std::span<const std::string_view> texts,
                                 const TrainOptions& options) {
  const std::int32_t fixed = 3 + static_cast<std::int32_t>(options.control.size()) + 256;
  check_options(options, fixed);
  WordCounter counter;
  const Counts words = marked_words(texts, counter);
  const std::vector<std::string> characters =
      frequent_characters(words, static_cast<std::size_t>(options.vocabulary - fixed));
  std::unordered_map<std::string_view, std::int32_t> symbol_of;
  LearnOptions learn{
      .first_symbol = static_cast<std::int32_t>(characters.size()),
      .merges = options.vocabulary - fixed - static_cast<std::int32_t>(characters.size()),
      .min_count = options.min_count,
      .max_bytes = kMaxPieceBytes,
      .bytes_of = {}};
  for (const std::string& character : characters) {
    symbol_of.emplace(character, static_cast<std::int32_t>(symbol_of.size()));
    learn.bytes_of.push_back(character.size());
  }
  std::vector<CountedWord> counted;
  for (const auto& [word, count] : words) {
    counted.push_back({{}, count});
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t bytes = static_cast<std::size_t>(utf8_at(word, at).bytes);
      const auto found = symbol_of.find(word.substr(at, bytes));
      counted.back().symbols.push_back(found == symbol_of.end() ? -1 : found->second);
      at += bytes;
    }
  }
  TokenizerSpec spec;
  spec.kind = TokenizerKind::kScoredPairs;
  spec.escape_spaces = spec.byte_fallback = spec.add_bos = true;
  spec.space_prefix = SpacePrefix::kAfterSpecial;
  spec.unknown = 0, spec.bos = 1, spec.eos = 2;
  add_fixed_pieces(spec, options);
  std::vector<std::string> texts_of = characters;
  float score = 0.0f;
  for (const auto& [left, right] : learn_pairs(std::move(counted), std::move(learn))) {
    texts_of.push_back(texts_of[static_cast<std::size_t>(left)] +
                       texts_of[static_cast<std::size_t>(right)]);
    add_piece(spec, texts_of.back(), PieceType::kNormal, score--);
  }
  for (const std::string& character : characters) {
    add_piece(spec, character, PieceType::kNormal, score--);
  }
  fill_up(spec, static_cast<std::size_t>(options.vocabulary));
  return spec;
}

}  // namespace aisp::text
