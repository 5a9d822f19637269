// `aisp generate` through the real binary, on a small model made here.
#include <nlohmann/json.hpp>

#include "app/program_fixture.h"

namespace aisp::app {
namespace {

using Json = nlohmann::json;

class GenerateCommand : public Program {
 protected:
  void SetUp() override {
    model_ = folder_ + "/m.gguf";
    const Ended made = run({"model", "make", "--arch", "llama", "--shape", "tiny", "--type", "q8_0",
                            "--context", "256", "--out", model_});
    ASSERT_EQ(made.code, 0) << made.text;
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  Ended generate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"generate", model_});
    return run(arguments);
  }
  // The printed answer, without the lines about rates and about packed weights.
  static std::string answer(const std::string& text) {
    const std::size_t begin = text.starts_with("aisp: ") ? text.find('\n') + 1 : 0;
    return text.substr(begin, text.find("\n[") - begin);
  }

  std::vector<Json> answers(const std::string& path) {
    std::ifstream in(path);
    std::vector<Json> all;
    for (std::string line; std::getline(in, line);) all.push_back(Json::parse(line));
    std::ranges::sort(all, {}, [](const Json& one) { return one.at("id").get<std::string>(); });
    return all;
  }

  std::string model_;
};

TEST_F(GenerateCommand, TheSameSeedGivesTheSameText) {
  const std::vector<std::string> asked = {
      "--prompt", "one two", "--max-tokens", "24", "--ignore-end", "--seed", "3"};
  const Ended first = generate(asked), second = generate(asked);
  EXPECT_EQ(first.code, 0) << first.text;
  EXPECT_NE(first.text.find("answer: 24 tokens"), std::string::npos) << first.text;
  EXPECT_EQ(answer(first.text), answer(second.text));
  std::vector<std::string> other = asked;
  other.back() = "4";
  EXPECT_NE(answer(first.text), answer(generate(other).text));
  other = asked;
  other.insert(other.end(), {"--threads", "1", "--lookup", "3"});
  EXPECT_EQ(answer(first.text), answer(generate(other).text))
      << "drafts and threads change nothing";
}

TEST_F(GenerateCommand, KeepsPackedWeightsBesideTheModel) {
  const std::vector<std::string> asked = {"--prompt", "one two", "--max-tokens", "5"};
  const std::string kept = model_ + ".aisp-packed";
  std::vector<std::string> without = asked;
  without.push_back("--no-packed-cache");
  const Ended in_memory = generate(without);
  EXPECT_FALSE(fs::exists(kept)) << in_memory.text;
  const Ended first = generate(asked), second = generate(asked);
  EXPECT_NE(first.text.find("are kept in " + kept), std::string::npos) << first.text;
  EXPECT_EQ(second.text.find("aisp: "), std::string::npos) << second.text;
  EXPECT_EQ(answer(first.text), answer(in_memory.text));
  EXPECT_EQ(answer(second.text), answer(in_memory.text));
  EXPECT_EQ(run({"model", "check", model_}).code, 0);
  fs::resize_file(kept, fs::file_size(kept) - 1);
  const Ended checked = run({"model", "check", model_});
  EXPECT_EQ(checked.code, 3) << checked.text;
  EXPECT_NE(checked.text.find("cut short"), std::string::npos) << checked.text;
  const Ended again = generate(asked);
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.text.find("cut short"), std::string::npos) << again.text;
  EXPECT_EQ(answer(again.text), answer(in_memory.text));
  EXPECT_EQ(run({"model", "check", model_}).code, 0);
}

TEST_F(GenerateCommand, WithoutRoomForPackedWeightsGoesOn) {
  std::vector<std::string> asked = {"generate", model_, "--prompt", "one two", "--max-tokens", "5"};
  const Ended limited = run(asked, 1 << 20);  // no larger file can be written
  EXPECT_EQ(limited.code, 0) << limited.text;
  EXPECT_NE(limited.text.find("are not kept in"), std::string::npos) << limited.text;
  EXPECT_EQ(answer(limited.text), answer(run(asked).text));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 3)
      << "the model, its packed weights and the log";
}

TEST_F(GenerateCommand, AKilledBatchGoesOnWhereItWas) {
  std::string lines;
  for (int i = 0; i < 9; ++i) {
    lines += R"({"id": "p)" + std::to_string(i) + R"(", "prompt": "text )" + std::to_string(i) +
             R"(", "max_tokens": )" + std::to_string(4 + i) + "}\n";
  }
  const std::string batch = write("in.jsonl", lines), out = folder_ + "/out.jsonl";
  const std::vector<std::string> asked = {"--batch", batch, "--out", out, "--ignore-end"};
  const Ended whole = generate(asked);
  EXPECT_EQ(whole.code, 0) << whole.text;
  const auto all = answers(out);
  ASSERT_EQ(all.size(), 9u);
  EXPECT_EQ(all[3].at("tokens"), 7);
  EXPECT_EQ(all[3].at("finish"), "length");
  const std::string text = text_of(out);
  write("out.jsonl", text.substr(0, text.size() / 2));  // as a kill in the middle of a line
  EXPECT_EQ(generate(asked).code, 0);
  EXPECT_EQ(answers(out), all);
  const Ended nothing = generate(asked);
  EXPECT_NE(nothing.text.find("9 of 9 answered, 0 of them now"), std::string::npos) << nothing.text;
}

TEST_F(GenerateCommand, APromptTooLongEndsABatchAndKeepsItsAnswers) {
  std::string lines = "{\"prompt\": \"a\", \"max_tokens\": 200}\n{\"prompt\": \"";
  lines += std::string(4000, 'b') + "\"}\n";
  const Ended ended = generate({"--batch", write("in.jsonl", lines), "--out", folder_ + "/out"});
  EXPECT_EQ(ended.code, 4) << ended.text;
  EXPECT_NE(ended.text.find("prompt and answer are"), std::string::npos) << ended.text;
}

TEST_F(GenerateCommand, BadQuestionsAreOneLine) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "one of --prompt"},
      {{"--prompt", "a", "--file", "b"}, "one of --prompt"},
      {{"--file", "/nowhere"}, "cannot be read"},
      {{"--prompt", "a", "--kv", "q3"}, "--kv"},
      {{"--prompt", "a", "--max-tokens", "100000"}, "the model takes"},
      {{"--prompt", "a", "--temperature", "-1"}, "temperature"},
      {{"--batch", write("a.jsonl", "{\"prompt\": \"a\"}\n")}, "--out"},
      {{"--batch", write("b.jsonl", "{\"prompt\": \"a\"}\nhello\n"), "--out", folder_ + "/o"},
       "line 2 is no JSON object"},
      {{"--batch", write("c.jsonl", "{\"text\": \"a\"}\n"), "--out", folder_ + "/o"},
       "not one of prompt and messages"},
      {{"--batch", write("g.jsonl", "{\"prompt\": \"a\", \"max_tokens\": 1e99}\n"), "--out",
        folder_ + "/o"},
       "line 1 has a \"max_tokens\""},
      {{"--batch", write("h.jsonl", "{\"prompt\": \"a\", \"seed\": -1}\n"), "--out",
        folder_ + "/o"},
       "line 1 has a \"seed\""},
      {{"--batch", write("d.jsonl", "{\"prompt\": \"a\"}\n"), "--out", write("e", "no answers\n")},
       "no file of answers"},
      {{"--batch", write("f.jsonl", ""), "--out", folder_ + "/o"}, "no prompts"}};
  for (const auto& [arguments, says] : cases) {
    const Ended ended = generate(arguments);
    EXPECT_NE(ended.code, 0) << says;
    EXPECT_NE(ended.text.find(says), std::string::npos) << ended.text;
    EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
  }
  model_ = write("bad.gguf", "GGUF");
  EXPECT_EQ(generate({"--prompt", "a"}).code, 4);
}

}  // namespace
}  // namespace aisp::app
