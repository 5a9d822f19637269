// aisp bench compare and labs in TOML files, by the real binary: outcomes, exit codes, records,
// errors in one line, interruption.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "app/program_fixture.h"
#include "bench/record.h"

namespace aisp {
namespace {

class Compare : public Program {
 protected:
  Ended compare(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"bench", "compare"});
    return run(arguments);
  }
  bool contains(const Ended& ended, const std::string& text) const {
    return ended.text.find(text) != std::string::npos;
  }
};

TEST_F(Compare, ExitCodesSayWhatCame) {
  const std::vector<std::string> slower = {
      "--a", "echo TIME_MS: 2.000", "--b", "echo TIME_MS: 3.000", "--budget", "2"};
  Ended ended = compare(slower);
  EXPECT_EQ(ended.code, 0) << ended.text;
  EXPECT_TRUE(contains(ended, "b is slower than a")) << ended.text;
  EXPECT_TRUE(contains(ended, "printed time")) << ended.text;
  EXPECT_TRUE(contains(ended, "outputs not compared")) << ended.text;
  auto asked = slower;
  asked.push_back("--fail-if-slower");
  EXPECT_EQ(compare(asked).code, 1);
  ended = compare({"--a", "echo TIME_MS: 3.000", "--b", "echo TIME_MS: 2.000", "--fail-if-slower"});
  EXPECT_EQ(ended.code, 0) << ended.text;
  EXPECT_TRUE(contains(ended, "b is faster than a")) << ended.text;
  ended = compare(
      {"--a", "echo TIME_MS: 2", "--b", "echo TIME_MS: 2", "--fail-if-slower", "--budget", "0.3"});
  EXPECT_EQ(ended.code, 2) << ended.text;
  ended = compare({"--a", "echo 1", "--b", "echo 2", "--check", "stdout"});
  EXPECT_EQ(ended.code, 3) << ended.text;
  EXPECT_TRUE(contains(ended, "wrong: not the output of the baseline")) << ended.text;
  ended = compare({"--a", "true", "--b", "echo why; exit 9"});
  EXPECT_EQ(ended.code, 3) << ended.text;
  EXPECT_TRUE(contains(ended, "exit status 9")) << ended.text;
  EXPECT_TRUE(contains(ended, "| why")) << ended.text;
}

TEST_F(Compare, MistakesAreOneLine) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--a", "true"}, "nothing to compare with"},
      {{}, "no commands"},
      {{"--a", "true", "--b", "sleeep 1"}, "did you mean sleep?"},
      {{"--a", "", "--b", "true"}, ""},
      {{"--a", "true", "--b", "true", "--chek", "stdout"}, "did you mean --check?"},
      {{"--a", "true", "--b", "true", "--time", "sun"}, "sun"},
      {{"--a", "true", "--b", "true", "--output-a", "x"}, "command b has no output"},
      {{"--a", "true", "--b", "true", "--output-a", "x", "--output-b", "y", "--check", "stdout"},
       "choose one"},
      {{"--a", "true", "--b", "true", "--rtol", "1e-3"}, "a tolerance without an output"},
      {{"--a", "true", "--b", "true", "--check", "stdout", "--as", "raw"}, "--dtype"},
      {{"--a", "true", "--b", "true", "--check", "stdout", "--as", "bytes", "--rtol", "1"},
       "no tolerance"},
      {{"--a", "true", "--b", "true", "--check", "stdout", "--dtype", "f31"}, "unknown type f31"},
      {{"--a", "true", "--b", "true", "--json-key", "elapsed"}, "does not say its unit"},
      {{"--a", "true", "--b", "echo $HOME", "--no-shell"}, "needs a shell"},
      {{"--a", "true", "--b", "true", "--command", "true"}, "write NAME=COMMAND"},
      {{"--a", "true", "--b", "true", "--command", "a=true"}, "two commands are called a"},
      {{"--a", "true", "--b", "true", "--prepare", "nosuchprogram"}, "no program is called"},
  };
  for (const auto& [arguments, expected] : cases) {
    const Ended ended = compare(arguments);
    EXPECT_EQ(ended.code, 4) << expected << ": " << ended.text;
    EXPECT_TRUE(contains(ended, expected)) << ended.text;
    EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
  }
}

TEST_F(Compare, SeveralCommandsAndARecordThatReportReads) {
  const std::string out = folder_ + "/run";
  const Ended ended = compare({"--a", "sleep 0.002", "--b", "sleep 0.004", "--command",
                               "third=sleep 0.006", "--budget", "3", "--out", out});
  ASSERT_EQ(ended.code, 0) << ended.text;
  EXPECT_TRUE(contains(ended, "third / a = ")) << ended.text;
  const bench::RunRecord record = bench::read_run(out);
  ASSERT_EQ(record.results.size(), 1u);
  ASSERT_EQ(record.results[0].techniques.size(), 3u);
  EXPECT_TRUE(record.results[0].techniques[0].usage.has_value());
  EXPECT_EQ(run({"report", out, "--md"}).code, 0);
  const std::string validate =
      "for p in python3 /usr/bin/python3; do if $p -c 'import jsonschema' 2>/dev/null; then "
      "exec $p " AISP_SOURCE_DIR "/tools/validate_record.py " +
      out + "; fi; done; exit 9";
  EXPECT_EQ(system(validate.c_str()), 0);
}

TEST_F(Compare, WithoutOutNothingStays) {
  const Ended ended = compare({"--a", "echo TIME_MS: 1.00", "--b", "echo TIME_MS: 1.50", "--json"});
  ASSERT_EQ(ended.code, 0) << ended.text;
  const bench::CaseResult result = bench::case_from_json(bench::Json::parse(ended.text), "");
  EXPECT_NEAR(result.techniques.at(1).pair.ratio.estimate, 1.5, 1e-9);
  EXPECT_EQ(result.techniques.at(1).time_ns.estimate, 1.5e6);
}

TEST_F(Compare, OutputFilesWithinATolerance) {
  const std::string a = folder_ + "/a.txt", b = folder_ + "/b.txt";
  const std::vector<std::string> common = {"--a",        "echo 1.000 nan > " + a,
                                           "--b",        "echo 1.001 nan > " + b,
                                           "--output-a", a,
                                           "--output-b", b,
                                           "--budget",   "0.3"};
  EXPECT_EQ(compare(common).code, 3);
  auto tolerant = common;
  tolerant.insert(tolerant.end(), {"--rtol", "0.01"});
  const Ended ended = compare(tolerant);
  EXPECT_EQ(ended.code, 0) << ended.text;
  EXPECT_TRUE(contains(ended, "numbers within 0.01 of each value of the output files"));
}

TEST_F(Compare, AnInterruptEndsItsCommands) {
  const std::string mark = folder_ + "/child", log = folder_ + "/log";
  const pid_t child = start(
      {"bench", "compare", "--a", "echo $$ > " + mark + "; sleep 60", "--b", "sleep 60; true"},
      log);
  while (text_of(mark).find('\n') == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 130) << text_of(log);
  EXPECT_NE(text_of(log).find("Interrupted"), std::string::npos);
  EXPECT_FALSE(fs::exists("/proc/" + std::to_string(std::stoi(text_of(mark))) + "/exe"));
}

TEST_F(Compare, LabsFromAFileRunListAndResume) {
  const std::string file = folder_ + "/mine.toml", out = folder_ + "/run";
  std::ofstream(file) << R"(chapter = "own"
[[lab]]
name = "naps"
check = { of = "stdout" }
[[lab.case]]
name = "short"
values = { ms = 2 }
[[lab.technique]]
name = "one"
command = "sleep 0.00{ms}"
[[lab.technique]]
name = "longer"
command = "sleep 0.02{ms}"
[[lab.technique]]
name = "absent"
command = "nosuchprogram"
)";
  const Ended listed = run({"bench", "list-targets", "--labs", file, "--chapter", "own"});
  EXPECT_EQ(listed.code, 0) << listed.text;
  EXPECT_TRUE(contains(listed, "own:naps")) << listed.text;
  EXPECT_TRUE(contains(listed, "not here: no program is called nosuchprogram")) << listed.text;
  std::vector<std::string> arguments = {
      "bench", "run",       "--labs", file,       "--targets", "own:*",       "--out",
      out,     "--profile", "none",   "--budget", "10",        "--precision", "0"};
  const Ended ended = run(arguments);
  EXPECT_EQ(ended.code, 0) << ended.text;
  const bench::RunRecord record = bench::read_run(out);
  ASSERT_EQ(record.results.size(), 1u);
  const bench::CaseResult& result = record.results[0];
  EXPECT_EQ(result.lab, "own:naps");
  EXPECT_EQ(result.techniques.at(1).pair.verdict, bench::Verdict::kSlower);
  EXPECT_EQ(result.techniques.at(2).outcome, bench::Outcome::kSkipped);
  arguments.emplace_back("--resume");
  EXPECT_EQ(run(arguments).code, 0);
  EXPECT_EQ(bench::read_run(out).results.size(), 1u);
  // Recorded as expectations beside the file, and kept by the gate.
  arguments.back() = "--update-expectations";
  arguments[7] = folder_ + "/again";
  ASSERT_EQ(arguments[6], "--out");
  const Ended updated = run(arguments);
  EXPECT_EQ(updated.code, 0) << updated.text;
  EXPECT_TRUE(fs::is_directory(folder_ + "/mine/naps/expectations")) << updated.text;
  const Ended gate =
      run({"bench", "gate", folder_ + "/again", "--labs", file, "--targets", "own:*"});
  EXPECT_EQ(gate.code, 0) << gate.text;
  // A mistake is one line with its place.
  std::ofstream(file, std::ios::app) << "[lab.chek]\n";
  const Ended wrong = run({"bench", "run", "--labs", file});
  EXPECT_EQ(wrong.code, 4);
  EXPECT_TRUE(contains(wrong, ":17: unknown key chek; did you mean check?")) << wrong.text;
}

}  // namespace
}  // namespace aisp
