// The published patterns: all compile, all keep every byte, and each cuts as its model's does.
#include "text/pre_tokenizer.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/rng.h"
#include "text/utf8.h"

namespace aisp::text {
namespace {

using Words = std::vector<std::string_view>;

Words split(std::string_view name, std::string_view text) {
  TokenizerSpec spec;
  set_pre_tokenizer(spec, name);
  Words words;
  PreTokenizer(spec.patterns).split(text, words);
  return words;
}

TEST(PreTokenizer, CutsAsPublished) {
  EXPECT_EQ(split("gpt-2", "I'll go  12345 x!"),
            (Words{"I", "'ll", " go", " ", " 12345", " x", "!"}));
  EXPECT_EQ(split("llama-bpe", "I'LL go  12345\n\n x!"),
            (Words{"I", "'LL", " go", " ", " ", "123", "45", "\n\n", " x", "!"}));
  EXPECT_EQ(split("qwen2", "12 $a"), (Words{"1", "2", " $", "a"}));
  EXPECT_EQ(split("gpt-4o", "HelloWorld ABCd's"), (Words{"Hello", "World", " ABCd's"}));
  EXPECT_EQ(split("tekken", "don't"), (Words{"don", "'t"}));
  EXPECT_EQ(split("deepseek-v3", "a1234 你好b"), (Words{"a", "123", "4", " ", "你好", "b"}));
  EXPECT_EQ(split("starcoder", "a12"), (Words{"a", "1", "2"}));
  // A match of nothing cuts too.
  EXPECT_EQ(split("superbpe", "x1234567"), (Words{"x", "1", "234", "567"}));
}

TEST(PreTokenizer, SpacesAreUnicodesOwn) {
  // U+180E is no White_Space: it joins the sign after it; U+0085 and U+3000 are.
  EXPECT_EQ(split("gpt-2", "\u180e!"), (Words{"\u180e!"}));
  EXPECT_EQ(split("gpt-2", "\u0085!"), (Words{"\u0085", "!"}));
  EXPECT_EQ(split("gpt-2", "\u3000!"), (Words{"\u3000", "!"}));
}

TEST(PreTokenizer, KeepsEveryByteWhateverTheBytes) {
  Rng rng(1);
  for (std::string_view name : pre_tokenizer_names()) {
    TokenizerSpec spec;
    set_pre_tokenizer(spec, name);
    const PreTokenizer cutter(spec.patterns);
    for (int i = 0; i < 60; ++i) {
      std::string text;
      for (std::uint64_t n = rng.below(60); n > 0; --n) {
        if (rng.below(3) == 0) {
          text.push_back(static_cast<char>(rng.next()));
        } else {
          append_utf8(text, static_cast<char32_t>(rng.below(rng.below(2) ? 0x80 : 0x3100)));
        }
      }
      Words words;
      cutter.split(text, words);
      std::string joined;
      for (std::string_view word : words) {
        EXPECT_FALSE(word.empty());
        joined.append(word);
      }
      EXPECT_EQ(joined, text) << name;
    }
  }
}

TEST(PreTokenizer, UnknownNamesAreRefused) {
  TokenizerSpec spec;
  EXPECT_THROW(set_pre_tokenizer(spec, "qwen99"), Error);
}

TEST(PreTokenizer, APatternThatNeverEndsIsRefused) {
  const PreTokenizer cutter({"(?:a+)+$"});
  Words words;
  EXPECT_THROW(cutter.split(std::string(60, 'a') + "b", words), Error);
}

TEST(Utf8, BrokenPartsAreCountedAsUnicodeSays) {
  // The example of table 3-8: one U+FFFD for each maximal part.
  EXPECT_EQ(whole_characters("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
            "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd");
  EXPECT_EQ(whole_characters("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(whole_characters("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(utf8_length("a\u00e9\U0001F600"), 3u);
  for (char32_t code :
       {0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xD7FFu, 0xE000u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    const std::string bytes = utf8_of(code);
    const Utf8Char c = utf8_at(bytes, 0);
    EXPECT_TRUE(c.valid && c.code == code && c.bytes == static_cast<int>(bytes.size()));
  }
}

}  // namespace
}  // namespace aisp::text
