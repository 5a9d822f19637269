// `aisp bench model` through the real binary: what it counts, when it refuses, what it says to bad
// options. No rate is judged here.
#include <nlohmann/json.hpp>

#include "app/program_fixture.h"

namespace aisp {
namespace {

using Json = nlohmann::json;

class BenchModel : public Program {
 protected:
  std::string make(const std::string& architecture) {
    const std::string path = folder_ + "/" + architecture + ".gguf";
    const Ended made = run({"model", "make", "--arch", architecture, "--type", "q8_0", "--context",
                            "256", "--out", path});
    EXPECT_EQ(made.code, 0) << made.text;
    return path;
  }
  Ended bench(const std::string& model, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"bench", "model",          model, "--budget",
                                          "0",     "--probe-memory", "64",  "--no-packed-cache"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  // What is printed before the JSON goes to standard error: progress.
  static Json json_of(const std::string& text) {
    return Json::parse(text.substr(text.find("{\n")), nullptr, false);
  }
};

TEST_F(BenchModel, CountsWhatAStepReads) {
  const std::string model = make("llama");
  const Ended ended = bench(model, {"--prompt", "16", "--rows", "1,3", "--context", "40", "--json",
                                    "--agreement", "100"});
  ASSERT_EQ(ended.code, 0) << ended.text;
  const Json json = json_of(ended.text);
  ASSERT_TRUE(json.is_object()) << ended.text;
  ASSERT_EQ(json["cells"].size(), 3u);
  EXPECT_GE(json["rounds"], 6);
  EXPECT_GT(json["probes"]["during"]["read_gb_per_s"], 0.0);
  const Json &prompt = json["cells"][0], &one = json["cells"][1], &three = json["cells"][2];
  EXPECT_EQ(prompt["kind"], "prompt");
  EXPECT_EQ(prompt["tokens"], 16);
  EXPECT_EQ(one["rows"], 1);
  // A step reads every matrix once, for any number of rows; keys and values for each row.
  const double packed = json["packed_bytes"].get<double>() / 1e9;
  EXPECT_NEAR(one["weight_gb"], packed, 0.01 * packed);
  EXPECT_EQ(one["weight_gb"], three["weight_gb"]);
  EXPECT_NEAR(three["kv_gb"].get<double>(), 3 * one["kv_gb"].get<double>(), 1e-9);
  EXPECT_NEAR(three["gop"].get<double>(), 3 * one["gop"].get<double>(), 1e-9);
  EXPECT_GT(prompt["gop"].get<double>(), one["gop"].get<double>());
  for (const Json& cell : json["cells"]) {
    EXPECT_GT(cell["tokens_per_s"]["median"], 0.0);
    EXPECT_LE(cell["share_of_floor"]["low"], cell["share_of_floor"]["high"]);
  }
}

TEST_F(BenchModel, CountsOnlyTheExpertsThatAreUsed) {
  const Ended ended = bench(make("qwen3moe"), {"--prompt", "0", "--rows", "1,16", "--context", "8",
                                               "--json", "--agreement", "100"});
  ASSERT_EQ(ended.code, 0) << ended.text;
  const Json json = json_of(ended.text);
  ASSERT_EQ(json["cells"].size(), 2u) << ended.text;
  const double one = json["cells"][0]["weight_gb"], many = json["cells"][1]["weight_gb"];
  EXPECT_LT(one, json["packed_bytes"].get<double>() / 1e9);
  EXPECT_LT(one, many);
}

TEST_F(BenchModel, RefusesToReportAnUnsteadyMachine) {
  const std::string model = make("qwen2");
  const std::vector<std::string> asked = {"--prompt",  "8", "--rows",      "1",
                                          "--context", "8", "--agreement", "0"};
  const Ended text = bench(model, asked);
  EXPECT_EQ(text.code, 2) << text.text;
  EXPECT_NE(text.text.find("No rates: the machine changed"), std::string::npos) << text.text;
  EXPECT_EQ(text.text.find("tokens/s"), std::string::npos) << text.text;
  std::vector<std::string> as_json = asked;
  as_json.push_back("--json");
  const Ended other = bench(model, as_json);
  EXPECT_EQ(other.code, 2);
  EXPECT_EQ(json_of(other.text)["cells"].size(), 0u) << other.text;
}

TEST_F(BenchModel, BadOptionsAreOneLine) {
  const std::string model = make("qwen2");
  for (const std::vector<std::string>& bad :
       {std::vector<std::string>{"--prompt", "0", "--rows", "0"},
        {"--prompt", "many"},
        {"--kv", "q4"},
        {"--context", "0"},
        {"--prompt", "9999"},
        {"--budget", "-1"}}) {
    const Ended ended = bench(model, bad);
    EXPECT_EQ(ended.code, 4) << bad[1] << ended.text;
    EXPECT_EQ(std::ranges::count(ended.text, '\n'), 1) << ended.text;
  }
}

}  // namespace
}  // namespace aisp
