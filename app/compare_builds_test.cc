// Comparing builds, by the real binary: this build against itself, and against what is none.
#include "app/program_fixture.h"
#include "bench/record.h"

namespace aisp {
namespace {

class CompareBuilds : public Program {
 protected:
  Ended compare(const std::string& a, const std::string& b, const std::string& targets,
                const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {
        "bench", "compare",   "--build-a", a,          "--build-b", b,       "--size",
        "smoke", "--targets", targets,     "--budget", "3",         "--out", folder_ + "/out"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  std::string fake(const std::string& script) {
    fs::create_directories(folder_ + "/fake");
    const std::string path = folder_ + "/fake/aisp";
    std::ofstream(path) << "#!/bin/sh\n" << script;
    fs::permissions(path, fs::perms::owner_all);
    return folder_ + "/fake";
  }
  const std::string here_ = fs::path(AISP_BINARY).parent_path().string();
};

TEST_F(CompareBuilds, ABuildIsNotSlowerThanItself) {
  const Ended ended = compare(here_, AISP_BINARY, "ch06:ilp");
  EXPECT_EQ(ended.code, 0) << ended.text;
  const bench::RunRecord record = bench::read_run(folder_ + "/out");
  ASSERT_FALSE(record.results.empty());
  for (const auto& row : record.results) {
    ASSERT_EQ(row.techniques.size(), 2u);
    // Three processes, and seven more where those had a verdict, which a busy machine brings about.
    EXPECT_TRUE(row.processes.size() == 3u || row.processes.size() == 10u);
    EXPECT_EQ(row.techniques[1].name, "build_b");
    EXPECT_TRUE(row.techniques[1].outcome == bench::Outcome::kOk ||
                row.techniques[1].outcome == bench::Outcome::kNoisy)
        << row.techniques[1].reason;
  }
  EXPECT_TRUE(fs::exists(folder_ + "/out/report.html"));
}

TEST_F(CompareBuilds, WhatIsNoBuildIsNamed) {
  const Ended none = compare(here_, folder_ + "/nowhere", "ch06:ilp");
  EXPECT_EQ(none.code, 4);
  EXPECT_NE(none.text.find("nowhere"), std::string::npos) << none.text;
  const Ended mute = compare(here_, fake("exit 4\n"), "ch06:ilp");
  EXPECT_EQ(mute.code, 4);
  EXPECT_NE(mute.text.find("does not list its labs"), std::string::npos) << mute.text;
  EXPECT_EQ(compare(here_, here_, "ch06:nothing").code, 4);
  EXPECT_EQ(run({"bench", "compare", "--build-a", here_}).code, 4);
  EXPECT_EQ(compare(here_, here_, "ch06:ilp", {"--a", "true"}).code, 4);
}

TEST_F(CompareBuilds, ABuildThatDiesCostsItsRowsAndNothingElse) {
  const std::string real = AISP_BINARY;
  const Ended ended = compare(
      here_, fake("case \"$2\" in duel-worker) exit 7;; *) exec " + real + " \"$@\";; esac\n"),
      "ch06:ilp");
  EXPECT_EQ(ended.code, 3) << ended.text;
  EXPECT_NE(ended.text.find("worker ended unexpectedly"), std::string::npos) << ended.text;
  for (const auto& row : bench::read_run(folder_ + "/out").results) {
    EXPECT_EQ(row.techniques[1].outcome, bench::Outcome::kFailed);
    EXPECT_EQ(row.techniques[0].outcome, bench::Outcome::kSkipped);
    EXPECT_TRUE(row.processes.empty()) << "what failed has no time";
  }
}

}  // namespace
}  // namespace aisp
