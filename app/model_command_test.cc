// `aisp model` through the real binary: a model is made, stored in another type, shown and judged;
// what cannot be is refused in one line, and an interrupted or impossible file leaves nothing.
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/cmd_model.h"
#include "app/program_fixture.h"
#include "base/error.h"

namespace aisp {
namespace {

TEST_F(Program, MakesQuantizesAndShowsAModel) {
  const std::string made = folder_ + "/m.gguf", small = folder_ + "/s.gguf";
  const Ended make = run({"model", "make", "--arch", "qwen3moe", "--type", "bf16", "--layers", "3",
                          "--outliers", "0.01", "--threads", "1", "--out", made});
  ASSERT_EQ(make.code, 0) << make.text;
  const Ended quantize = run({"model", "quantize", made, small, "--type", "q4_k_m"});
  ASSERT_EQ(quantize.code, 0) << quantize.text;
  EXPECT_LT(fs::file_size(small), fs::file_size(made) / 2);
  const Ended show = run({"model", "show", small, "--json"});
  ASSERT_EQ(show.code, 0) << show.text;
  const auto shown = nlohmann::json::parse(show.text);
  EXPECT_EQ(shown["schema"], "aisp.model");
  EXPECT_EQ(shown["config"]["layers"], 3);
  EXPECT_EQ(shown["config"]["experts"]["used"], 2);
  EXPECT_GT(shown["types"]["q4_k"]["tensors"], 10);
  EXPECT_EQ(shown["tokenizer"]["pieces"], 512);
  const Ended text = run({"model", "show", small, "--tensors"});
  EXPECT_NE(text.text.find("blk.2.ffn_down_exps.weight"), std::string::npos) << text.text;
  const Ended logits = run({"model", "logits", small, "--tokens", "1,300,7", "--last"});
  ASSERT_EQ(logits.code, 0) << logits.text;
  std::istringstream numbers(logits.text);
  int count = 0;
  for (double value = 0.0; numbers >> value;) ++count;
  EXPECT_EQ(count, 512);
}

TEST_F(Program, LearnsAVocabularyForAModel) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "the reader reads what the writer writes, line by line. ";
  std::ofstream(folder_ + "/text") << text;
  const Ended make = run({"model", "make", "--arch", "qwen2", "--tokenizer-text", folder_ + "/text",
                          "--vocab", "320", "--out", folder_ + "/m.gguf"});
  ASSERT_EQ(make.code, 0) << make.text;
  const auto shown =
      nlohmann::json::parse(run({"model", "show", folder_ + "/m.gguf", "--json"}).text);
  EXPECT_EQ(shown["tokenizer"]["kind"], "gpt2");
  EXPECT_EQ(shown["tokenizer"]["pieces"], 320);
}

TEST_F(Program, RefusesImpossibleModels) {
  const std::string out = folder_ + "/m.gguf";
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"model", "make", "--out", out}, "neither a shape nor an architecture"},
      {{"model", "make", "--arch", "mamba", "--out", out}, "known are llama, mistral"},
      {{"model", "make", "--shape", "llama3.2-7b", "--out", out}, "llama3.2-1b"},
      {{"model", "make", "--shape", "qwen3-0.6b", "--arch", "llama", "--out", out}, "is of"},
      {{"model", "make", "--arch", "llama", "--type", "q3_k", "--out", out}, "\"q3_k\""},
      {{"model", "make", "--arch", "llama", "--heads", "3", "--out", out}, "no multiple"},
      {{"model", "make", "--arch", "llama", "--head-size", "7", "--out", out}, "do not make"},
      {{"model", "make", "--arch", "llama", "--vocab", "100", "--out", out}, "at least 260"},
      {{"model", "make", "--arch", "llama", "--out", "/nonexistent/m"}, "cannot be written"},
      {{"model", "show", "/nonexistent"}, "cannot be read"},
      {{"model", "quantize", "/dev/null", out}, "no regular file"},
      {{"model", "make", "--arch", "llama", "--sed", "3", "--out", out}, "did you mean --seed?"},
  };
  for (const auto& [arguments, expected] : cases) {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, 4) << ended.text;
    EXPECT_NE(ended.text.find(expected), std::string::npos) << ended.text;
    EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
    EXPECT_FALSE(fs::exists(out));
  }
}

TEST(WantedConfig, SizesThatDoNotFitAreAQuestionOfUse) {
  app::ModelMakeOptions options;
  options.arch = "llama";
  EXPECT_EQ(app::wanted_config(options).heads, 4);
  options.heads = 3;
  EXPECT_THROW(app::wanted_config(options), UsageError);
}

TEST_F(Program, AFullDiskLeavesNoModel) {
  const Ended ended = run(
      {"model", "make", "--arch", "llama", "--type", "f32", "--out", folder_ + "/m.gguf"}, 1 << 20);
  EXPECT_EQ(ended.code, 4) << ended.text;
  EXPECT_NE(ended.text.find("cannot be written"), std::string::npos) << ended.text;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_EQ(entry.path().filename().string().find("m.gguf"), std::string::npos) << entry.path();
  }
}

}  // namespace
}  // namespace aisp
