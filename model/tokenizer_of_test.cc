// Tokenizers on their way through a model's file.
#include "model/tokenizer_of.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "model/made_model.h"
#include "text/tokenizer.h"
#include "text/train_tokenizer.h"

namespace aisp::model {
namespace {

constexpr std::string_view kText =
    "A model is a file. A file has a head and a body; the head says what the body is. "
    "Whoever reads the head first reads the body well: head first, body second, file closed.";

TensorFile file_with(const Metadata& values) {
  TensorFile file("m", TensorFile::Format::kGguf);
  file.metadata() = values;
  return file;
}

TEST(TokenizerOf, ByteVocabularyWritesEveryText) {
  const MadeModel made("llama");
  const text::Tokenizer tokenizer(tokenizer_of(made.file));
  EXPECT_EQ(tokenizer.size(), made.config.vocab);
  const std::string text = "gr\xc3\xbc\xc3\x9f dich\n\x01";
  const std::vector<std::int32_t> ids = tokenizer.encode(text);
  EXPECT_EQ(ids.front(), 1);
  EXPECT_EQ(tokenizer.decode(ids), text);
  EXPECT_NE(chat_template_of(made.file).find("messages"), std::string::npos);
}

TEST(TokenizerOf, TrainedOnesComeBack) {
  text::TrainOptions options{.vocabulary = 350, .control = {"<|im_end|>"}};
  const std::vector<std::string_view> texts = {kText};
  for (const text::TokenizerSpec& spec :
       {text::train_byte_pairs(texts, options), text::train_scored_pairs(texts, options)}) {
    const text::TokenizerSpec back = tokenizer_of(file_with(tokenizer_values(spec, "qwen2")));
    EXPECT_EQ(back.kind, spec.kind);
    EXPECT_EQ(back.pieces, spec.pieces);
    EXPECT_EQ(back.merges, spec.merges);
    EXPECT_EQ(back.scores, spec.scores);
    EXPECT_EQ(back.bos, spec.bos);
    EXPECT_EQ(back.eos, spec.eos);
    EXPECT_EQ(back.add_bos, spec.add_bos);
    const text::Tokenizer first(spec), second(back);
    EXPECT_EQ(first.encode(kText), second.encode(kText));
    EXPECT_EQ(second.decode(second.encode(kText)), kText);
    EXPECT_TRUE(second.ends_text(second.id_of("<|im_end|>")));
  }
}

TEST(TokenizerOf, Refuses) {
  const Metadata good = byte_vocabulary(300);
  const auto answer = [&](const char* key, std::optional<MetaValue> value) {
    Metadata m = good;
    value ? m.set(key, *value) : m.remove(key);
    try {
      tokenizer_of(file_with(m));
    } catch (const Error& problem) {
      return std::string(problem.what());
    }
    return std::string("nothing was thrown");
  };
  EXPECT_NE(answer("tokenizer.ggml.model", std::nullopt).find("no tokenizer"), std::string::npos);
  EXPECT_NE(answer("tokenizer.ggml.model", MetaValue::text("rwkv")).find("\"rwkv\""),
            std::string::npos);
  EXPECT_NE(answer("tokenizer.ggml.tokens", std::nullopt).find("no pieces"), std::string::npos);
  EXPECT_NE(answer("tokenizer.ggml.tokens", MetaValue::u32(3)).find("array is expected"),
            std::string::npos);
  const MetaValue nines{MetaType::kI32, true, std::vector<std::int64_t>(300, 9)};
  EXPECT_NE(answer("tokenizer.ggml.token_type", nines).find("unknown type 9"), std::string::npos);
  const MetaValue few{MetaType::kF32, true, std::vector<double>(3, 0.0)};
  EXPECT_NE(answer("tokenizer.ggml.scores", few), "nothing was thrown");
  EXPECT_NE(answer("tokenizer.ggml.bos_token_id", MetaValue::u32(999)), "nothing was thrown");
}

}  // namespace
}  // namespace aisp::model
