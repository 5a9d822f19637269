// Runs the real program on every planted attack, twice. With all protections on, the cheat must be
// caught by the protection that the table names, have no time, and leave its honest twin and the
// baseline alone. With that protection off, it must pass: so the first half can fail, and nothing
// else protects by accident.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <set>
#include <thread>

#include "bench/checks.h"
#include "bench/lab_table.h"
#include "bench/record.h"

namespace aisp::bench {
namespace {

using Words = std::vector<std::string>;

struct Row {
  const char* attack;
  const char* check;  // the one that must catch it, and that lets it pass when off
  Outcome outcome = Outcome::kWrong;
  Words options = {"--profile", "none"};
  bool lab_at_fault = false;     // cases `cheat` and `honest` instead of techniques
  const char* run_is_lost = "";  // what happens to the whole run with the check off
};

// Row names in place of bytes in the list of tests.
void PrintTo(const Row& row, std::ostream* out) { *out << row.attack; }

const Words kNoProfile = {"--profile", "none"};

const std::vector<Row>& rows() {
  constexpr Outcome kFailed = Outcome::kFailed;
  static const std::vector<Row> all = {
      {"fewer_elements", "output"},
      {"skipped_rows", "output"},
      {"nan_output", "nonfinite"},
      {"bf16_inputs", "precision"},
      {"f16_inputs", "precision"},
      {"leftover_output", "poison"},
      {"counts_calls", "timed-output"},
      {"truncated_tail", "ragged"},
      {"hard_coded_shape", "ragged"},
      {"known_seed", "fresh-seed"},
      {"replay_pointer", "fresh-contents"},
      {"replay_sample", "near-copy"},
      {"replay_contents", "repeat"},
      {"once_per_epoch", "repeat"},
      {"fewer_calls", "repeat"},
      {"works_when_poisoned", "repeat"},
      {"hidden_thread", "repeat"},
      // Several calls an epoch however slow the hand-over is: a single one waits.
      {"late_thread", "late-write", Outcome::kWrong,
       {"--profile", "none", "--iterations", "8"}},
      {"input_in_place", "inputs"},
      {"input_as_scratch", "inputs"},
      {"remapped_output", "alias"},
      {"writes_before", "canary"},
      {"writes_before_later", "canary"},
      {"constant_inputs", "input-data", kFailed, kNoProfile, true},
      {"over_declared", "declared-work", kFailed},
      {"beyond_ceiling", "ceiling", Outcome::kImpossible, {"--profile", "roofline"}, true},
      {"patched_clock", "clock", kFailed},
      {"patched_clock_later", "clock", kFailed},
      {"turned_counter", "clock", kFailed},
      {"leaves_thread", "threads", kFailed},
      {"pins_process", "affinity", kFailed},
      {"lowers_priority", "priority", kFailed},
      {"flush_to_zero", "fp-mode", kFailed},
      {"flush_to_zero_later", "fp-mode", kFailed},
      {"dirty_uppers", "vector-state", kFailed},
      {"lazy_handler", "signals", kFailed},
      {"leaks_memory", "leak", kFailed},
      {"leaks_descriptors", "descriptors", kFailed},
      {"hangs", "time-limit", kFailed, {"--profile", "none", "--time-limit", "2"}, false, "hangs"},
      {"allocates_endlessly",
       "memory-limit",
       kFailed,
       {"--profile", "none", "--memory-limit", "1"}},
      {"crashes", "isolation", kFailed, kNoProfile, false, "dies"},
      {"aborts", "isolation", kFailed, kNoProfile, false, "dies"},
      {"exits", "isolation", kFailed, kNoProfile, false, "ends early"},
      {"writes_past_end", "isolation", kFailed, kNoProfile, false, "dies"},
      {"signals_parent", "signal-others", kFailed},
      {"forges_results", "private-channel", kFailed},
  };
  return all;
}

struct Ended {
  int code = -1;        // of an exit
  bool killed = false;  // by our own timeout
  std::string output;
};

// Runs the program with a timeout of our own.
Ended run_program(const Words& arguments, const std::string& output_file, double timeout_s) {
  Words words = {AISP_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int file = open(output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, 1);
    dup2(file, 2);
    execv(argv[0], argv.data());
    _exit(127);
  }
  Ended ended;
  int status = 0;
  const auto begin = std::chrono::steady_clock::now();
  while (waitpid(child, &status, WNOHANG) == 0) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    if (elapsed.count() > timeout_s && !ended.killed) {
      ended.killed = true;
      kill(child, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (WIFEXITED(status)) ended.code = WEXITSTATUS(status);
  std::ifstream text(output_file);
  ended.output.assign(std::istreambuf_iterator<char>(text), {});
  return ended;
}

class Attacks : public testing::TestWithParam<Row> {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers have crash handlers, clocks and memory of their own";
#endif
    char name[] = "/tmp/aisp-attack-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Results by case; empty when the run was lost before its first.
  std::vector<CaseResult> attack(const Words& more, double timeout_s, Ended& ended) {
    const Row& row = GetParam();
    const std::string out = folder_ + "/run";
    std::filesystem::remove_all(out);
    // Ceilings are measured once for this build.
    setenv("AISP_CACHE_DIR", AISP_CEILINGS_CACHE, 1);
    Words words = {"bench",       "run",
                   "--labs",      AISP_ATTACKS,
                   "--targets",   std::string("attacks:") + row.attack,
                   "--size",      "smoke",
                   "--budget",    "0.5",
                   "--processes", "1",
                   "--out",       out};
    words.insert(words.end(), row.options.begin(), row.options.end());
    words.insert(words.end(), more.begin(), more.end());
    ended = run_program(words, folder_ + "/output", timeout_s);
    return std::filesystem::exists(out + "/run.json") ? read_run(out).results
                                                      : std::vector<CaseResult>{};
  }

  std::string folder_;
};

const TechniqueResult* find(const CaseResult& result, const std::string& name) {
  for (const TechniqueResult& technique : result.techniques) {
    if (technique.name == name) return &technique;
  }
  return nullptr;
}

bool accepted(const TechniqueResult& technique) {
  return technique.outcome == Outcome::kOk || technique.outcome == Outcome::kNoisy;
}

std::string told(const TechniqueResult& technique) {
  return technique.name + " is " + name(technique.outcome) + ", found by '" + technique.detector +
         "': " + technique.reason;
}

// Who is meant by the row: technique `cheat`, or everything in case `cheat`.
std::vector<const TechniqueResult*> cheats(const Row& row, const std::vector<CaseResult>& results) {
  std::vector<const TechniqueResult*> all;
  for (const CaseResult& result : results) {
    for (const TechniqueResult& technique : result.techniques) {
      const bool meant = row.lab_at_fault ? result.case_name == "cheat" : technique.name == "cheat";
      if (meant) all.push_back(&technique);
    }
  }
  return all;
}

TEST_P(Attacks, IsCaughtAndItsTwinIsNot) {
  const Row& row = GetParam();
  Ended ended;
  const auto results = attack({}, 120.0, ended);
  const auto guilty = cheats(row, results);
  ASSERT_FALSE(guilty.empty()) << ended.output;
  if (guilty.front()->outcome == Outcome::kSkipped) GTEST_SKIP() << guilty.front()->reason;
  EXPECT_EQ(ended.code, 3) << ended.output;
  for (const TechniqueResult* cheat : guilty) {
    EXPECT_EQ(cheat->outcome, row.outcome) << told(*cheat);
    EXPECT_EQ(cheat->detector, row.check) << told(*cheat);
    EXPECT_EQ(cheat->time_ns.estimate, 0.0) << "what is wrong has no time";
  }
  for (const CaseResult& result : results) {
    for (const TechniqueResult& technique : result.techniques) {
      const bool is_guilty = std::find(guilty.begin(), guilty.end(), &technique) != guilty.end();
      EXPECT_TRUE(is_guilty || accepted(technique)) << told(technique);
    }
    for (const ProcessRecord& process : result.processes) {
      EXPECT_EQ(process.series.count("cheat"), row.lab_at_fault ? process.series.size() / 3 : 0u);
    }
  }
}

TEST_P(Attacks, PassesWithoutTheCheck) {
  const Row& row = GetParam();
  const std::string lost = row.run_is_lost;
  Ended ended;
  std::string seen;
  // On a machine that is busy a cheat may stumble over its own timing: three tries to pass.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto results =
        attack({"--without-check", row.check}, lost == "hangs" ? 8.0 : 120.0, ended);
    if (!lost.empty()) {
      EXPECT_TRUE(results.empty()) << "the attack did not take the run down";
      EXPECT_EQ(ended.killed, lost == "hangs") << ended.output;
      EXPECT_EQ(ended.code, lost == "ends early" ? 0 : -1) << ended.output;
      return;
    }
    const auto guilty = cheats(row, results);
    ASSERT_FALSE(guilty.empty()) << ended.output;
    if (guilty.front()->outcome == Outcome::kSkipped) GTEST_SKIP() << guilty.front()->reason;
    seen.clear();
    for (const TechniqueResult* cheat : guilty) {
      if (!accepted(*cheat)) seen += told(*cheat) + "\n";
    }
    if (seen.empty()) {
      EXPECT_EQ(ended.code, 0) << ended.output;
      return;
    }
  }
  FAIL() << "also caught without " << row.check << ": " << seen;
}

INSTANTIATE_TEST_SUITE_P(Planted, Attacks, testing::ValuesIn(rows()),
                         [](const auto& info) { return std::string(info.param.attack); });

TEST(AttackTable, EveryCheckHasAnAttack) {
  std::set<std::string> covered;
  for (const Row& row : rows()) covered.insert(row.check);
  for (const CheckInfo& check : all_checks()) {
    EXPECT_EQ(covered.count(check.name), 1u) << "no planted attack for " << check.name;
  }
}

TEST(AttackTable, EveryAttackIsInTheTable) {
  std::set<std::string> listed, built;
  for (const Row& row : rows()) EXPECT_TRUE(listed.insert(row.attack).second) << row.attack;
  for (const LabEntry& lab : load_lab_module(AISP_ATTACKS)) built.insert(lab.name);
  EXPECT_EQ(listed, built);
}

// The short form of honest_runs.sh: 30 runs of twins and baselines, nobody accused.
TEST(HonestRuns, AccuseNobody) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers have crash handlers, clocks and memory of their own";
#endif
  const std::string command = std::string("AISP=" AISP_BINARY " ATTACKS=" AISP_ATTACKS " ") +
                              AISP_HONEST_RUNS +
                              " -n 30 -t 'attacks:i*,attacks:r*,attacks:s*,attacks:w*,attacks:o*'";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

}  // namespace
}  // namespace aisp::bench
