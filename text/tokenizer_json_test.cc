// tokenizer.json as published: each kind of file in little, and what is refused.
#include "text/tokenizer_json.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "text/json_seeds.h"
#include "text/tokenizer.h"

namespace aisp::text {
namespace {

using Ids = std::vector<std::int32_t>;

TEST(TokenizerJson, ByteLevel) {
  const TokenizerSpec spec = tokenizer_from_json(seeds::kByteLevel, seeds::kConfig, "test");
  EXPECT_TRUE(spec.byte_level && spec.ignore_merges && spec.add_bos);
  EXPECT_EQ(spec.bos, 6);
  EXPECT_EQ(spec.eos, 7);
  EXPECT_EQ(spec.normal_form, NormalForm::kNfc);
  const Tokenizer tokenizer(spec);
  EXPECT_EQ(tokenizer.encode("ab ab"), (Ids{6, 4, 5}));
  EXPECT_EQ(tokenizer.encode("<eot>b", {.add_special = false, .parse_special = true}), (Ids{7, 1}));
  EXPECT_EQ(tokenizer.encode("<think>a", {.add_special = false}), (Ids{8, 0}));
  EXPECT_EQ(tokenizer.decode(Ids{6, 4, 5, 8}), "ab ab<think>");
}

TEST(TokenizerJson, SentencePieceLike) {
  const Tokenizer tokenizer(tokenizer_from_json(seeds::kSentencePiece, "", "test"));
  EXPECT_EQ(tokenizer.encode("ab\n"), (Ids{1, 6, 3}));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("ab ab\n")), "ab ab\n");
}

TEST(TokenizerJson, Unigram) {
  const Tokenizer tokenizer(tokenizer_from_json(seeds::kUnigram, "", "test"));
  EXPECT_EQ(tokenizer.encode("ab ab?"), (Ids{3, 3, 0, 4}));
  EXPECT_EQ(tokenizer.decode(Ids{3, 3}), "ab ab");
}

TEST(TokenizerJson, WhatIsNotKnownIsRefused) {
  const auto refused = [](std::string json, const std::string& from, const std::string& to) {
    const std::size_t at = json.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    json.replace(at, from.size(), to);
    EXPECT_THROW(Tokenizer(tokenizer_from_json(json, "", "test")), Error) << json;
  };
  const std::string bytes(seeds::kByteLevel), unigram(seeds::kUnigram);
  refused(bytes, "\"BPE\"", "\"WordPiece\"");
  refused(bytes, "\"NFC\"", "\"Lowercase\"");
  refused(bytes, "\"Isolated\"", "\"MergedWithNext\"");
  refused(bytes, "\"Split\"", "\"BertPreTokenizer\"");
  refused(bytes, "\"Ġ\": 2", "\"Ġ\": -2");
  refused(bytes, "\"Ġ\": 2", "\"Ġ\": \"2\"");
  refused(bytes, "\"Ġ\": 2", "\"Ġ\": 1000000000");
  refused(bytes, "\"Ġ\": 2", "\"Ġ\": 500000");
  refused(bytes, "[\"a b\"", "[7");
  refused(bytes, "[\"a b\"", "[\"ab\"");
  refused(bytes, "\"merges\"", "\"other\"");
  refused(bytes, "\"id\": 8", "\"no\": 8");
  refused(bytes, "\"add_prefix_space\": false", "\"add_prefix_space\": true");
  refused(bytes, "\"continuing_subword_prefix\": null", "\"continuing_subword_prefix\": \"##\"");
  refused(bytes, "{\"SpecialToken\": {\"id\": \"<bos>\"", "{\"SpecialToken\": {\"id\": \"<none>\"");
  refused(bytes, "{\"type\"", "{type");
  refused(unigram, "-1.5", "\"x\"");
  refused(unigram, "\"vocab\"", "\"words\"");
  EXPECT_THROW(tokenizer_from_json(std::string(1000, '['), "", "test"), Error);
  EXPECT_THROW(tokenizer_from_json("[]", "", "test"), Error);
  EXPECT_THROW(tokenizer_from_json(bytes, "{", "test"), Error);
}

// Ids may leave holes, 65,536 in all, however they are spread: a hole costs memory, a piece bytes
// of the file.
TEST(TokenizerJson, HolesAreCounted) {
  const auto with = [](const std::string& first, const std::string& second) {
    std::string json(seeds::kByteLevel);
    json.replace(json.find("\"Ġ\": 2"), std::string("\"Ġ\": 2").size(), "\"Ġ\": " + first);
    json.replace(json.find("\"id\": 8"), std::string("\"id\": 8").size(), "\"id\": " + second);
    return tokenizer_from_json(json, "", "test").pieces.size();
  };
  EXPECT_EQ(with("40000", "60000"), 60001u);
  EXPECT_THROW(with("40000", "90000"), Error);
  EXPECT_THROW(with("70000", "8"), Error);
}

}  // namespace
}  // namespace aisp::text
