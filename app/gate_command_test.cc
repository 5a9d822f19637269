// Recording, gating and looking back, by the real binary.
#include "app/program_fixture.h"
#include "base/error.h"
#include "bench/expectations.h"
#include "bench/record.h"

namespace aisp {
namespace {

class GateCommandTest : public Program {
 protected:
  void SetUp() override {
    root_ = folder_ + "/tree";
    for (const char* lab :
         {"labs/ch06_cuda_fundamentals/ilp", "labs/ch09_intensity_fusion/fused"}) {
      fs::create_directories(root_ + "/" + lab);
    }
  }

  Ended record(const std::string& out, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {
        "bench",    "run",       "--targets", "ch06:ilp", "--size",
        "smoke",    "--profile", "none",      "--out",    out,
        "--budget", "2",         "--root",    root_,      "--update-expectations"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }

  // Rewrites the results of a run through `change`.
  template <class Change>
  void edit(const std::string& out, Change change) {
    bench::RunRecord record = bench::read_run(out);
    std::string lines;
    for (bench::CaseResult& result : record.results) {
      if (change(result)) lines += to_json(result).dump() + "\n";
    }
    std::ofstream(out + "/results.jsonl") << lines;
  }

  Ended gate(std::vector<std::string> words) {
    words.insert(words.begin(), {"bench", "gate", "--root", root_});
    return run(words);
  }

  std::string root_;
};

TEST_F(GateCommandTest, RecordsGatesAndLooksBack) {
  const std::string out = folder_ + "/runs/first";
  const Ended recorded = record(out);
  ASSERT_EQ(recorded.code, 0) << recorded.text;
  EXPECT_NE(recorded.text.find("expectations: "), std::string::npos);
  const Ended green = gate({out});
  EXPECT_EQ(green.code, 0) << green.text;
  EXPECT_NE(green.text.find("gate green"), std::string::npos) << green.text;

  const Ended history = run({"bench", "history", "ch06:ilp", "--runs", folder_ + "/runs"});
  EXPECT_EQ(history.code, 0) << history.text;
  EXPECT_NE(history.text.find("interleaved_4"), std::string::npos);
  const Ended json = run({"bench", "history", "ch06:ilp", "--runs", folder_ + "/runs", "--json"});
  EXPECT_EQ(bench::Json::parse(json.text).at("runs"), 1);

  edit(out, [](bench::CaseResult& result) {
    bench::TechniqueResult& last = result.techniques.back();
    last.outcome = bench::Outcome::kWrong;
    last.reason = "element 3 & <more>";
    return true;
  });
  const std::string junit = folder_ + "/junit.xml", markdown = folder_ + "/gate.md";
  const Ended wrong = gate({out, "--junit", junit, "--md", markdown, "--github"});
  EXPECT_EQ(wrong.code, 3) << wrong.text;
  EXPECT_NE(wrong.text.find("::error file=labs/"), std::string::npos) << wrong.text;
  EXPECT_NE(text_of(markdown).find("**wrong**"), std::string::npos) << text_of(markdown);
  EXPECT_NE(text_of(junit).find("<failure type=\"wrong\""), std::string::npos);
  EXPECT_EQ(system(("python3 -c 'import sys, xml.etree.ElementTree as e; "
                    "s = e.parse(sys.argv[1]).getroot(); "
                    "sys.exit(len(s.findall(\".//failure\")) != int(s.get(\"failures\")))' " +
                    junit)
                       .c_str()),
            0)
      << text_of(junit);

  std::ofstream(root_ + "/labs/xfail.json")
      << R"([{"lab": "ch06:*", "case": "*", "technique": "*", "reason": "r",
              "until": "2999-01-01"}])";
  EXPECT_EQ(gate({out}).code, 0) << "known failures are forgiven";
  fs::remove(root_ + "/labs/xfail.json");

  std::ofstream(out + "/results.jsonl") << "";
  const Ended missing = gate({out});
  EXPECT_EQ(missing.code, 1) << missing.text;
  EXPECT_NE(missing.text.find("missing"), std::string::npos);
}

TEST_F(GateCommandTest, RunsByItselfWhenNoRunIsGiven) {
  ASSERT_EQ(record(folder_ + "/first").code, 0);
  const Ended ended = gate({"--size", "smoke", "--profile", "none", "--budget", "2", "--out",
                            folder_ + "/gate", "--rounds", "1", "--json", "-"});
  // A busy machine may suspect a row; with one recorded run none can be red.
  EXPECT_EQ(ended.code, 0) << ended.text;
  const auto json = bench::Json::parse(ended.text.substr(ended.text.find("{\n")));
  EXPECT_EQ(json.at("missing"), 0);
  EXPECT_GT(json.at("rows").size(), 5u);
  EXPECT_TRUE(fs::exists(folder_ + "/gate/round1/run.json"));
}

TEST_F(GateCommandTest, NothingRecordedIsNotGreen) {
  const Ended ended = gate({"--targets", "ch06:ilp", "--size", "smoke"});
  EXPECT_EQ(ended.code, 2) << ended.text;
  EXPECT_NE(ended.text.find("--update-expectations"), std::string::npos);
}

TEST_F(GateCommandTest, RefusesWhatProvesNothing) {
  const Ended checks = record(folder_ + "/off", {"--without-check", "output"});
  EXPECT_EQ(checks.code, 4);
  EXPECT_EQ(run({"bench", "run", "--accept-regression", "why"}).code, 4);
  EXPECT_EQ(gate({folder_ + "/nowhere"}).code, 4);
  EXPECT_EQ(gate({"--target", "ch06:ilp"}).code, 4);
  EXPECT_EQ(run({"bench", "history", "ch06:ilp", "--runs", folder_ + "/nowhere"}).code, 4);
  fs::create_directories(folder_ + "/empty");
  EXPECT_EQ(run({"bench", "history", "ch06:ilp", "--runs", folder_ + "/empty"}).code, 2);
  EXPECT_EQ(run({"bench", "history", "ch06:lip", "--runs", folder_ + "/empty"}).code, 4);
}

}  // namespace
}  // namespace aisp
