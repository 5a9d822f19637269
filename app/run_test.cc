// The whole path by the real binary: errors that say what to do, interruption, resumption, two runs
// at once, a full disk.
#include <algorithm>
#include <array>
#include <chrono>
#include <regex>
#include <set>
#include <thread>

#include "app/program_fixture.h"
#include "bench/owed_targets.h"
#include "bench/record.h"

namespace aisp {
namespace {

TEST_F(Program, UnknownNamesAreErrorsWithTheNearestMatch) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"bench", "run", "--target", "ch06"}, "did you mean --targets?"},
      {{"bench", "rum"}, "did you mean run?"},
      {{"bench", "run", "--targets", "ch06:ipl"}, "did you mean ch06:ilp?"},
      {{"bench", "run", "--targets", "ch06:ilp", "--techniques", "interleved_4"},
       "did you mean interleaved_4?"},
      {{"bench", "run", "--without-check", "ouput"}, "did you mean output?"},
      {{"bench", "list-targets", "--chapter", "ch77"}, "no target is called ch77"},
      {{"bench", "run", "--size", "huge"}, "huge"},
      {{"bench", "run", "--budget", "-3"}, "budget"},
      {{"bench", "run", "--labs", "/nonexistent.so"}, "/nonexistent.so"},
      {{"report", "/nonexistent"}, "no such run folder"},
      {{"bench", "worker", "--channel", "5"}, "use aisp bench run"},
      {{}, "subcommand"},
  };
  for (const auto& [arguments, expected] : cases) {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, 4) << expected;
    EXPECT_NE(ended.text.find(expected), std::string::npos) << ended.text;
    EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
  }
}

TEST_F(Program, RunsRecordsAndReportsTheSameTwice) {
  const std::string out = folder_ + "/run";
  const Ended ended = run(small_run(out));
  ASSERT_EQ(ended.code, 0) << ended.text;
  const bench::RunRecord record = bench::read_run(out);
  EXPECT_EQ(record.results.size(), 4u);
  for (const auto& result : record.results) {
    ASSERT_FALSE(result.processes.empty());
    for (const auto& technique : result.techniques) {
      EXPECT_TRUE(technique.outcome == bench::Outcome::kOk ||
                  technique.outcome == bench::Outcome::kNoisy ||
                  technique.outcome == bench::Outcome::kSkipped)
          << technique.name << " " << technique.reason;
      if (technique.outcome == bench::Outcome::kOk) {
        EXPECT_GT(technique.outputs_checked, 2u);
      }
    }
  }
  const std::string first = text_of(out + "/report.html");
  ASSERT_FALSE(first.empty());
  ASSERT_EQ(run({"report", out, "--html"}).code, 0);
  EXPECT_EQ(text_of(out + "/report.html"), first);
}

// By the first interpreter that has the module: another python3 may come first on PATH.
bool agrees_with_schema(const std::string& folder) {
  const std::string validate =
      "for p in python3 /usr/bin/python3; do if $p -c 'import jsonschema' 2>/dev/null; then "
      "exec $p " AISP_SOURCE_DIR "/tools/validate_record.py " +
      folder + "; fi; done; exit 9";
  return system(validate.c_str()) == 0;
}

// Every lab that is built in, through the worker, judged and recorded; nobody honest is accused,
// and the record is what docs/record.schema.json says.
TEST_F(Program, EveryLabRunsAtSmokeSize) {
  const std::string out = folder_ + "/run";
  const Ended ended =
      run({"bench", "run", "--size", "smoke", "--profile", "none", "--budget", "20", "--out", out});
  const bench::RunRecord record = bench::read_run(out);
  EXPECT_FALSE(record.results.empty());
  for (const auto& result : record.results) {
    for (const auto& technique : result.techniques) {
      const bool honest = technique.outcome != bench::Outcome::kWrong &&
                          technique.outcome != bench::Outcome::kFailed &&
                          technique.outcome != bench::Outcome::kImpossible;
      EXPECT_TRUE(honest) << result.key() << " " << technique.name << ": " << technique.reason;
    }
  }
  EXPECT_TRUE(agrees_with_schema(out)) << "install python3-jsonschema (make deps does)";
  EXPECT_EQ(ended.code, 0);
}

TEST_F(Program, PeersBringTheCeilingOfWhatIsBoundByMemory) {
  const std::string out = folder_ + "/run";
  const Ended ended =
      run({"bench", "run", "--device", "cpu", "--targets", "ch09:fused_l2norm", "--size", "smoke",
           "--profile", "none", "--peers", "--budget", "4", "--out", out});
  ASSERT_EQ(ended.code, 0) << ended.text;
  EXPECT_NE(ended.text.find("moves the same bytes: update"), std::string::npos) << ended.text;
  for (const auto& result : bench::read_run(out).results) {
    EXPECT_EQ(result.techniques.front().beside, "ceiling") << result.key();
    EXPECT_GT(result.techniques.front().beside_fraction.estimate, 0.0);
    EXPECT_EQ(result.techniques.back().role, "ceiling");
  }
  EXPECT_TRUE(agrees_with_schema(out));
}

TEST_F(Program, AnExistingRunIsNotOverwritten) {
  const std::string out = folder_ + "/run";
  ASSERT_EQ(run(small_run(out)).code, 0);
  const std::string before = text_of(out + "/results.jsonl");
  const Ended again = run(small_run(out));
  EXPECT_EQ(again.code, 4);
  EXPECT_NE(again.text.find("--resume"), std::string::npos);
  EXPECT_EQ(text_of(out + "/results.jsonl"), before);
}

// Waits until the file has `lines` lines; false after 60 s.
bool wait_for_lines(const std::string& path, int lines) {
  for (int i = 0; i < 1200; ++i) {
    const std::string text = text_of(path);
    if (std::count(text.begin(), text.end(), '\n') >= lines) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

TEST_F(Program, KilledRunLosesOnlyTheCaseInFlightAndResumes) {
  const std::string out = folder_ + "/run";
  auto arguments = small_run(out);
  const pid_t child = start(arguments, folder_ + "/log");
  ASSERT_TRUE(wait_for_lines(out + "/results.jsonl", 1)) << text_of(folder_ + "/log");
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  const std::string kept = text_of(out + "/results.jsonl");
  const std::size_t before = bench::read_run(out).results.size();
  EXPECT_GE(before, 1u);
  // Half a line, as a kill in the middle of a write leaves it.
  std::ofstream(out + "/results.jsonl", std::ios::app) << "{\"schema\": \"aisp.res";
  arguments.push_back("--resume");
  const Ended resumed = run(arguments);
  EXPECT_EQ(resumed.code, 0) << resumed.text;
  const std::string all = text_of(out + "/results.jsonl");
  EXPECT_EQ(all.compare(0, kept.size(), kept), 0);
  EXPECT_EQ(bench::read_run(out).results.size(), 4u);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 4);
}

TEST_F(Program, InterruptedRunSaysHowToGoOn) {
  const std::string out = folder_ + "/run", log = folder_ + "/log";
  const pid_t child = start(small_run(out), log);
  ASSERT_TRUE(wait_for_lines(out + "/results.jsonl", 1)) << text_of(log);
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    GTEST_SKIP() << "the run ended before the signal";
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_NE(text_of(log).find("--resume --out " + out), std::string::npos) << text_of(log);
}

TEST_F(Program, TwoRunsInOneFolderDoNotMix) {
  const std::string out = folder_ + "/run";
  const pid_t child = start(small_run(out), folder_ + "/first");
  ASSERT_TRUE(wait_for_lines(out + "/results.jsonl", 1)) << text_of(folder_ + "/first");
  auto second = small_run(out);
  second.push_back("--resume");
  const Ended refused = run(second);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  if (refused.code == 0) GTEST_SKIP() << "the first run ended before the second began";
  EXPECT_EQ(refused.code, 4);
  EXPECT_NE(refused.text.find("another run is writing here"), std::string::npos) << refused.text;
  EXPECT_EQ(bench::read_run(out).results.size(), 4u);
}

TEST_F(Program, AFullDiskIsOneErrorAndKeepsWhatWasThere) {
  const std::string out = folder_ + "/run";
  // Room for the header (3 KB) and a result or two of the four, which have 9 KB each and more.
  const Ended ended = run(small_run(out), 20'000);
  EXPECT_EQ(ended.code, 4) << ended.text;
  EXPECT_NE(ended.text.find("free some space"), std::string::npos) << ended.text;
  const bench::RunRecord record = bench::read_run(out);
  EXPECT_EQ(record.torn_lines, 0u);
  EXPECT_LT(record.results.size(), 4u);
  auto again = small_run(out);
  again.push_back("--resume");
  EXPECT_EQ(run(again).code, 0);
  EXPECT_EQ(bench::read_run(out).results.size(), 4u);
}

TEST_F(Program, ListTargetsNamesEveryLabInJson) {
  const Ended listed = run({"bench", "list-targets", "--json"});
  ASSERT_EQ(listed.code, 0);
  const auto labs = bench::Json::parse(listed.text);
  ASSERT_FALSE(labs.empty());
  for (const auto& lab : labs) {
    for (const auto& owed : bench::owed_targets()) {  // answered here: no longer owed
      const auto targets = lab.at("targets").get<std::vector<std::string>>();
      EXPECT_EQ(std::count(targets.begin(), targets.end(), owed.name), 0) << owed.name;
    }
    EXPECT_EQ(lab.at("question").get<std::string>().back(), '?') << lab.at("lab");
    EXPECT_FALSE(lab.at("targets").empty()) << lab.at("lab");
    EXPECT_EQ(lab.at("source_hash").get<std::string>().size(), 64u);
    bool has_baseline = false;
    for (const auto& technique : lab.at("techniques")) {
      has_baseline = has_baseline || technique.at("role") == "baseline";
    }
    EXPECT_TRUE(has_baseline) << lab.at("lab");
  }
}

/// docs/GPU_TARGETS.md names the targets of chapters 6 to 12 that labs answer or that are owed, all
/// of them and no others.
TEST_F(Program, TheMapOfGpuTargetsIsThatOfTheLabs) {
  const Ended listed = run({"bench", "list-targets", "--json"});
  std::set<std::string> known, mapped;
  std::size_t folders = 0, labs = 0;
  for (const auto& chapter : fs::directory_iterator(AISP_SOURCE_DIR "/labs")) {
    for (const auto& lab : fs::directory_iterator(chapter))
      folders += fs::exists(lab.path() / "lab.cc");
  }
  const auto in_range = [](const std::string& name) { return name >= "ch06" && name < "ch13"; };
  for (const auto& lab : bench::Json::parse(listed.text)) {
    ++labs;
    const bool on_gpu = !lab.at("device_baseline").get<std::string>().empty();
    for (const std::string target : lab.at("targets")) {
      if (on_gpu && in_range(target)) known.insert(target);
    }
  }
  if (labs != folders) GTEST_SKIP() << "a build of some labs";
  for (const auto& owed : bench::owed_targets()) {
    if (in_range(std::string(owed.name))) known.emplace(owed.name);
  }
  std::ifstream file(AISP_SOURCE_DIR "/docs/GPU_TARGETS.md");
  const std::regex name("`(ch[0-9]{2}:[a-z0-9_]+)`");
  for (std::string line; std::getline(file, line);) {
    for (std::sregex_iterator at(line.begin(), line.end(), name), end; at != end; ++at) {
      mapped.insert((*at)[1]);
    }
  }
  EXPECT_EQ(mapped, known);
}

}  // namespace
}  // namespace aisp
