// Learnt vocabularies: the merges of the definition counted anew, exact sizes, the same every time,
// and every text comes back.
#include "text/train_tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/rng.h"
#include "text/pair_learner.h"
#include "text/tokenizer.h"

namespace aisp::text {
namespace {

std::string some_text(std::uint64_t seed, std::size_t words) {
  Rng rng(seed);
  std::string text;
  for (std::size_t i = 0; i < words; ++i) {
    // Words of few syllables, the low ones more often.
    for (std::uint64_t n = 1 + rng.below(3); n > 0; --n) {
      constexpr const char* kSyllables[] = {"the", "in", "ba", "qu", "é", "你", "tion", "x1", "!"};
      text += kSyllables[std::min(rng.below(9), rng.below(9))];
    }
    text += rng.below(12) == 0 ? "\n" : " ";
  }
  return text;
}

TEST(LearnPairs, AsCountedAnewForEachMerge) {
  Rng rng(4);
  for (int round = 0; round < 30; ++round) {
    std::vector<CountedWord> words(20);
    for (CountedWord& word : words) {
      word.count = 1 + static_cast<std::int64_t>(rng.below(5));
      for (std::uint64_t n = rng.below(12); n > 0; --n) {
        word.symbols.push_back(static_cast<std::int32_t>(rng.below(4)) - (rng.below(20) == 0));
      }
    }
    const auto found = learn_pairs(words, {.first_symbol = 4,
                                           .merges = 25,
                                           .min_count = 2,
                                           .max_bytes = 1000,
                                           .bytes_of = {1, 1, 1, 1}});
    std::vector<std::pair<std::int32_t, std::int32_t>> expected;
    while (expected.size() < 25) {
      std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> counts;
      for (const CountedWord& word : words) {
        for (std::size_t i = 0; i + 1 < word.symbols.size(); ++i) {
          if (word.symbols[i] < 0 || word.symbols[i + 1] < 0) continue;
          counts[{word.symbols[i], word.symbols[i + 1]}] += word.count;
        }
      }
      const auto best = std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) {
        return a.second < b.second;  // max_element keeps the first of equals: the smallest pair
      });
      if (best == counts.end() || best->second < 2) break;
      expected.push_back(best->first);
      for (CountedWord& word : words) {
        std::vector<std::int32_t> merged;
        for (std::size_t i = 0; i < word.symbols.size(); ++i) {
          const bool here = i + 1 < word.symbols.size() && word.symbols[i] == best->first.first &&
                            word.symbols[i + 1] == best->first.second;
          merged.push_back(here ? 3 + static_cast<std::int32_t>(expected.size()) : word.symbols[i]);
          if (here) ++i;
        }
        word.symbols = merged;
      }
    }
    EXPECT_EQ(found, expected);
  }
}

TEST(TrainTokenizer, ExactSizesAndEveryTextComesBack) {
  const std::string text = some_text(1, 4000);
  const std::vector<std::string_view> texts = {text};
  const TrainOptions options{.vocabulary = 700, .control = {"<|im_start|>", "<|im_end|>"}};
  for (const TokenizerSpec& spec :
       {train_byte_pairs(texts, options), train_scored_pairs(texts, options)}) {
    ASSERT_EQ(spec.pieces.size(), 700u);
    EXPECT_EQ(std::set<std::string>(spec.pieces.begin(), spec.pieces.end()).size(), 700u);
    const Tokenizer tokenizer(spec);
    const std::vector<std::int32_t> ids = tokenizer.encode(text, {.add_special = false});
    EXPECT_EQ(tokenizer.decode(ids), text);
    EXPECT_LT(ids.size() * 3, text.size());  // it learnt something
    const std::string other = "never \xff\x01 seen \U0001F600 <|im_end|>";
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(other)), other);
    EXPECT_EQ(tokenizer.encode("<|im_end|>", {.add_special = false, .parse_special = true}),
              std::vector<std::int32_t>{tokenizer.id_of("<|im_end|>")});
  }
}

TEST(TrainTokenizer, TheSameEveryTime) {
  const std::string text = some_text(2, 2000);
  const std::vector<std::string_view> texts = {text};
  EXPECT_EQ(train_byte_pairs(texts, {.vocabulary = 600}).merges,
            train_byte_pairs(texts, {.vocabulary = 600}).merges);
  EXPECT_EQ(train_scored_pairs(texts, {.vocabulary = 600}).pieces,
            train_scored_pairs(texts, {.vocabulary = 600}).pieces);
}

TEST(TrainTokenizer, LittleTextIsFilledUpToALargeVocabulary) {
  const std::string text = some_text(3, 500);
  const std::vector<std::string_view> texts = {text};
  const TokenizerSpec spec = train_byte_pairs(
      texts, {.vocabulary = 128256, .control = {"<|end|>"}, .pre_tokenizer = "llama-bpe"});
  EXPECT_EQ(spec.pieces.size(), 128256u);
  EXPECT_EQ(spec.pieces.back(), "<|end|>");
  const Tokenizer tokenizer(spec);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  // The fill is never text.
  for (std::int32_t id : tokenizer.encode("<unused_0> <unused_1>")) {
    EXPECT_EQ(tokenizer.type(id), PieceType::kNormal);
  }
}

TEST(TrainTokenizer, OptionsThatCannotBeMet) {
  const std::vector<std::string_view> texts = {"a b"};
  EXPECT_THROW(train_byte_pairs(texts, {.vocabulary = 10}), Error);
  EXPECT_THROW(train_byte_pairs(texts, {.vocabulary = 2 << 20}), Error);
  EXPECT_THROW(train_byte_pairs(texts, {.vocabulary = 300, .control = {"a", "a"}}), Error);
  EXPECT_THROW(train_byte_pairs(texts, {.vocabulary = 300, .control = {""}}), Error);
  EXPECT_THROW(train_byte_pairs(texts, {.vocabulary = 300, .pre_tokenizer = "none"}), Error);
  EXPECT_THROW(
      train_scored_pairs(texts, {.vocabulary = 300, .control = std::vector<std::string>(60, "c")}),
      Error);
}

}  // namespace
}  // namespace aisp::text
