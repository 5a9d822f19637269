// `aisp engine fleet` through the real binary: made-up arrivals, a recorded trace, and questions
// that have no answer.
#include <nlohmann/json.hpp>

#include "app/program_fixture.h"

namespace aisp::app {
namespace {

class FleetCommand : public Program {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  std::string azure() {
    std::string text = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
    for (int i = 10; i < 40; ++i) {
      text += "2023-11-16 18:15:" + std::to_string(i) + ".0000000,374,44\n";
    }
    return write("azure.csv", text);
  }
  Ended fleet(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"engine", "fleet"});
    return run(arguments);
  }
};

TEST_F(FleetCommand, PoliciesStandBesideEachOther) {
  const std::vector<std::string> question = {
      "--rate",     "3",  "--duration",  "40", "--step-factor", "2",  "--step-at", "15",
      "--step-for", "10", "--hindsight", "1",  "--jitter",      "0.2"};
  std::vector<std::string> both = question;
  both.insert(both.end(), {"--policy", "round_robin,least_ttft", "--admission", "off,on"});
  const Ended text = fleet(both);
  EXPECT_EQ(text.code, 0) << text.text;
  for (const char* part :
       {"round_robin", "least_ttft", "goodput/s", "TTFT p50", "settles", "all times are virtual"}) {
    EXPECT_NE(text.text.find(part), std::string::npos) << text.text;
  }
  both.emplace_back("--json");
  const auto json = nlohmann::json::parse(fleet(both).text);
  ASSERT_EQ(json.at("runs").size(), 4u);
  for (const auto& one : json.at("runs")) {
    EXPECT_EQ(one.at("answered").get<int>() + one.at("refused").get<int>() +
                  one.at("late").get<int>() + one.at("refused_too_long").get<int>(),
              one.at("requests").get<int>());
    EXPECT_TRUE(one.contains("ttft_settles_s"));
  }
  EXPECT_EQ(json.at("runs")[0].at("refused"), 0);
}

TEST_F(FleetCommand, ATraceIsServedByAFleetOfWhichOneDrains) {
  const Ended ended = fleet({"--trace", azure(), "--engines", "3", "--policy", "fixed_split",
                             "--prompt-engines", "2", "--drain", "0", "--drain-at", "9", "--json"});
  ASSERT_EQ(ended.code, 0) << ended.text;
  const auto one = nlohmann::json::parse(ended.text).at("runs").at(0);
  EXPECT_EQ(one.at("requests"), 30);
  EXPECT_GT(one.at("handed_over").get<int>(), 5);
}

TEST_F(FleetCommand, BadQuestionsAreOneLine) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--trace", "/nowhere.csv"}, "cannot be read"},
      {{"--trace", write("bad.jsonl", "{\"timestamp\": -1, \"input_length\": 1}\n")}, "no number"},
      {{"--trace", write("text", "hello\n")}, "no column"},
      {{"--trace", azure(), "--rate", "3"}, "--rate"},
      {{"--policy", "best"}, "--policy"},
      {{"--admission", "maybe"}, "--admission"},
      {{"--engines", "1", "--policy", "by_length"}, "needs engines"},
      {{"--drain", "4"}, "one of the fleet"},
      {{"--rate", "100000", "--duration", "100000"}, "10 million"},
      {{"--prefix-tokens", "17"}, "multiple of 16"},
      {{"--transfer-gb-per-s", "0"}, "--transfer-gb-per-s"}};
  for (const auto& [arguments, says] : cases) {
    const Ended ended = fleet(arguments);
    EXPECT_EQ(ended.code, 4) << ended.text;
    EXPECT_NE(ended.text.find(says), std::string::npos) << ended.text;
    EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
  }
}

}  // namespace
}  // namespace aisp::app
