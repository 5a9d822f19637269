// `aisp engine simulate` through the real binary, on small traces in the published formats.
#include <nlohmann/json.hpp>

#include "app/program_fixture.h"

namespace aisp::app {
namespace {

class SimulateCommand : public Program {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  std::string azure() {
    return write("azure.csv",
                 "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                 "2023-11-16 18:15:46.6805900,374,44\n"
                 "2023-11-16 18:15:50.9951690,396,109\n");
  }
  Ended simulate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"engine", "simulate"});
    return run(arguments);
  }
};

TEST_F(SimulateCommand, PrintsWhatUsersFeel) {
  const Ended text = simulate({"--trace", azure()});
  EXPECT_EQ(text.code, 0) << text.text;
  for (const char* part : {"Azure LLM 2023, 2 requests", "TTFT", "TPOT", "ITL", "preemptions"}) {
    EXPECT_NE(text.text.find(part), std::string::npos) << text.text;
  }
  const Ended json = simulate({"--trace", azure(), "--json"});
  const auto parsed = nlohmann::json::parse(json.text);
  EXPECT_EQ(parsed.at("answered"), 2);
  EXPECT_GT(parsed.at("ttft_s").at("p50").get<double>(), 0.3);
}

TEST_F(SimulateCommand, StudiesTheCacheOfATraceWithPrefixes) {
  std::string lines;
  for (int i = 0; i < 20; ++i) {
    lines += R"({"timestamp": )" + std::to_string(i * 1000) +
             R"(, "input_length": 1100, "output_length": 9, "hash_ids": [0, )" +
             std::to_string(1 + i / 2) + ", " + std::to_string(100 + i) + "]}\n";
  }
  const std::string trace = write("mooncake.jsonl", lines);
  const Ended study = simulate({"--trace", trace, "--cache-study", "0.5"});
  EXPECT_EQ(study.code, 0);
  EXPECT_NE(study.text.find("clairvoyant    finds"), std::string::npos) << study.text;
  EXPECT_EQ(simulate({"--trace", azure(), "--cache-study", "0.5"}).code, 4);
}

TEST_F(SimulateCommand, TheSchedulersOwnTimeIsShown) {
  const Ended ended = run({"engine", "step-time", "--running", "16", "--steps", "200"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_NE(ended.text.find("without those the system interrupted"), std::string::npos);
  EXPECT_EQ(run({"engine", "step-time", "--steps", "1"}).code, 4);
}

TEST_F(SimulateCommand, BadQuestionsAreOneLine) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--trace", "/nowhere.csv"}, "cannot be read"},
      {{"--trace", write("text", "hello\n")}, "no column"},
      {{}, "--trace"},
      {{"--trace", azure(), "--shrink", "0"}, "--shrink"},
      {{"--trace", azure(), "--max-rows", "1"}, "fewer rows"},
      {{"--trace", azure(), "--eviction", "random"}, "--eviction"}};
  for (const auto& [arguments, says] : cases) {
    const Ended ended = simulate(arguments);
    EXPECT_EQ(ended.code, 4) << ended.text;
    EXPECT_NE(ended.text.find(says), std::string::npos) << ended.text;
    EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
  }
}

}  // namespace
}  // namespace aisp::app
