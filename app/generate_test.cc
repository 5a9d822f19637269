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

TEST_F(GenerateCommand, ADraftModelChangesNoText) {
  const std::string other = folder_ + "/draft.gguf", small = folder_ + "/small.gguf";
  const auto make = [&](const std::string& out, const char* vocab) {
    return run({"model", "make", "--arch", "llama", "--shape", "tiny", "--type", "f32", "--seed",
                "9", "--vocab", vocab, "--context", "256", "--out", out});
  };
  ASSERT_EQ(make(other, "512").code, 0);
  ASSERT_EQ(make(small, "400").code, 0);
  const std::vector<std::string> asked = {
      "--prompt", "one two", "--max-tokens", "60", "--ignore-end", "--seed", "3"};
  const std::string right = answer(generate(asked).text);
  for (const std::string& draft : {model_, other}) {
    std::vector<std::string> with = asked;
    with.insert(with.end(), {"--draft-model", draft, "--drafts", "3"});
    const Ended ended = generate(with);
    EXPECT_EQ(ended.code, 0) << ended.text;
    EXPECT_EQ(answer(ended.text), right);
  }
  const Ended refused = generate({"--prompt", "a", "--draft-model", small});
  EXPECT_EQ(refused.code, 4) << refused.text;
  EXPECT_NE(refused.text.find("its vocabulary has 400 pieces, that of the model 512"),
            std::string::npos)
      << refused.text;
}

TEST_F(GenerateCommand, ASweepOfDraftsShowsEachSetting) {
  const Ended ended = run({"tools", "spec-config-sweep", model_, "--draft-model", model_,
                           "--tokens", "24", "--rounds", "1", "--json"});
  ASSERT_EQ(ended.code, 0) << ended.text;
  const Json found = Json::parse(ended.text.substr(ended.text.find('{')));
  ASSERT_EQ(found.at("settings").size(), 9u);
  int best = 0;
  for (const Json& one : found.at("settings")) {
    EXPECT_TRUE(one.at("same_tokens"));
    best += one.at("best") == true;
    if (one.at("kind") == "draft model") {
      EXPECT_EQ(one.at("accepted"), one.at("drafted"));
    }
  }
  EXPECT_EQ(best, 1);
  EXPECT_EQ(run({"tools", "spec-config-sweep", "/nowhere"}).code, 4);
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

constexpr const char* kSchema = R"({"type": "object", "properties": {
    "name": {"type": "string", "maxLength": 6}, "kind": {"enum": ["cat", "dog"]},
    "ages": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 99},
             "maxItems": 3}}, "required": ["name", "kind", "ages"]})";

void expect_fits_schema(const std::string& text) {
  const Json value = Json::parse(text, nullptr, false);
  ASSERT_TRUE(value.is_object()) << text;
  EXPECT_LE(value.at("name").get<std::string>().size(), 24u);
  EXPECT_TRUE(value.at("kind") == "cat" || value.at("kind") == "dog") << text;
  EXPECT_LE(value.at("ages").size(), 3u);
  for (const Json& age : value.at("ages")) {
    EXPECT_TRUE(age.is_number_integer() && age >= 0 && age <= 99) << text;
  }
}

TEST_F(GenerateCommand, AnswersFitTheirSchema) {
  const std::string schema = write("s.json", kSchema);
  std::vector<std::string> asked = {"--prompt", "a pet", "--json-schema", schema};
  asked.insert(asked.end(), {"--max-tokens", "200", "--seed"});
  for (const char* seed : {"1", "2", "3"}) {
    asked.push_back(seed);
    const Ended ended = generate(asked);
    EXPECT_EQ(ended.code, 0) << ended.text;
    expect_fits_schema(answer(ended.text));
    asked.pop_back();
  }
}

// In a batch, with drafts, beside free text: the same answers as alone.
TEST_F(GenerateCommand, GrammarsInABatchAsAlone) {
  const std::string gbnf = write("g.gbnf", "root ::= (\"ab\" | \"cd\"){3,9} \".\"");
  std::string lines;
  for (int i = 0; i < 8; ++i) {
    // In the order of the schema's text: properties come in it.
    nlohmann::ordered_json line = {
        {"id", "p" + std::to_string(i)}, {"prompt", "text"}, {"seed", i / 2}};
    if (i % 2 == 0) line["json_schema"] = nlohmann::ordered_json::parse(kSchema);
    lines += line.dump() + "\n";
  }
  const std::string batch = write("in.jsonl", lines), out = folder_ + "/out.jsonl";
  std::vector<std::string> common = {"--grammar", gbnf, "--max-tokens", "150", "--logprobs", "2"};
  std::vector<std::string> asked = common;
  asked.insert(asked.end(), {"--batch", batch, "--out", out, "--lookup", "4"});
  const Ended ended = generate(asked);
  ASSERT_EQ(ended.code, 0) << ended.text;
  const auto all = answers(out);
  ASSERT_EQ(all.size(), 8u);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string text = all[i].at("text");
    if (i % 2 == 0) expect_fits_schema(text);
    asked = common;
    if (i % 2 == 0) asked[0] = "--json-schema", asked[1] = write("s.json", kSchema);
    asked.insert(asked.end(), {"--prompt", "text", "--json", "--seed", std::to_string(i / 2)});
    const Ended alone = generate(asked);
    Json same = Json::parse(alone.text.substr(0, alone.text.find('\n')));
    same["id"] = "p" + std::to_string(i);
    EXPECT_EQ(same, all[i]);
    EXPECT_EQ(same.at("finish"), "stop");
    const Json& logprobs = same.at("logprobs");
    ASSERT_EQ(logprobs.size(), same.at("tokens"));
    EXPECT_EQ(logprobs[0].at("top").size(), 2u);
    EXPECT_EQ(logprobs[0].at("token"), text.substr(0, 1));
  }
}

TEST_F(GenerateCommand, BadQuestionsAreOneLine) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "one of --prompt"},
      {{"--prompt", "a", "--file", "b"}, "one of --prompt"},
      {{"--file", "/nowhere"}, "cannot be read"},
      {{"--prompt", "a", "--kv", "q3"}, "--kv"},
      {{"--prompt", "a", "--lookup", "3", "--draft-model", "b"}, "one of --lookup"},
      {{"--prompt", "a", "--draft-model", "/nowhere"}, "/nowhere"},
      {{"--prompt", "a", "--logprobs", "3"}, "without --json"},
      {{"--prompt", "a", "--json", "--logprobs", "21"}, "--logprobs"},
      {{"--prompt", "a", "--grammar", "/nowhere"}, "cannot be read"},
      {{"--prompt", "a", "--grammar", write("bad.gbnf", "root ::= \"a\" | root \"b\"")},
       "left recursion"},
      {{"--prompt", "a", "--json-schema", write("bad.json", "{\"type\": \"cow\"}")}, "cow"},
      {{"--prompt", "a", "--json-schema", write("empty.json", "")}, "is empty"},
      {{"--prompt", "a", "--json-schema", write("b1", "{}"), "--grammar", write("b2", "x")},
       "one of --json-schema and --grammar"},
      {{"--prompt", "a", "--ignore-end", "--json-schema", write("b1", "{}")}, "--ignore-end"},
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
      {{"--batch", write("i.jsonl", "{\"prompt\": \"a\", \"top\": 1}\n"), "--out", folder_ + "/o"},
       "\"top\", which means nothing"},
      {{"--batch", write("j.jsonl", "{\"prompt\": \"a\", \"logprobs\": 99}\n"), "--out",
        folder_ + "/o"},
       "line 1 has \"logprobs\""},
      {{"--batch", write("k.jsonl", "{\"prompt\": \"a\", \"grammar\": \"root ::= other\"}\n"),
        "--out", folder_ + "/o"},
       "line 1 has a grammar"},
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
