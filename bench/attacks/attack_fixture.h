// Runs the real program on one planted attack and looks at its record: what the tests of attacks on
// the CPU (attacks_test.cc) and on the GPU (bench/device_attacks) share. A row of a table names the
// attack and the protection that must catch it; with that protection off it must pass, so that
// the first half can fail and nothing else protects by accident.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "bench/record.h"

namespace aisp::bench {

using Words = std::vector<std::string>;

struct Row {
  const char* attack;
  const char* check;  // the one that must catch it, and that lets it pass when off
  Outcome outcome = Outcome::kWrong;
  Words options = {"--profile", "none"};
  bool lab_at_fault = false;     // cases `cheat` and `honest` instead of techniques
  const char* run_is_lost = "";  // what happens to the whole run with the check off
  Words also_off = {};           // other checks that would see it as well
};

// Row names in place of bytes in the list of tests.
inline void PrintTo(const Row& row, std::ostream* out) { *out << row.attack; }

struct Ended {
  int code = -1;        // of an exit
  bool killed = false;  // by our own timeout
  std::string output;
};

// Runs the program with a timeout of our own.
inline Ended run_program(const Words& arguments, const std::string& output_file, double timeout_s) {
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

inline const TechniqueResult* find(const CaseResult& result, const std::string& name) {
  for (const TechniqueResult& technique : result.techniques) {
    if (technique.name == name) return &technique;
  }
  return nullptr;
}

inline bool accepted(const TechniqueResult& technique) {
  return technique.outcome == Outcome::kOk || technique.outcome == Outcome::kNoisy;
}

inline std::string told(const TechniqueResult& technique) {
  return technique.name + " is " + name(technique.outcome) + ", found by '" + technique.detector +
         "': " + technique.reason;
}

// Who is meant by the row: technique `cheat`, or everything in case `cheat`.
inline std::vector<const TechniqueResult*> cheats(const Row& row,
                                                  const std::vector<CaseResult>& results) {
  std::vector<const TechniqueResult*> all;
  for (const CaseResult& result : results) {
    for (const TechniqueResult& technique : result.techniques) {
      const bool meant = row.lab_at_fault ? result.case_name == "cheat" : technique.name == "cheat";
      if (meant) all.push_back(&technique);
    }
  }
  return all;
}

// Runs labs of one module, in a folder of its own.
class AttackFixture : public testing::Test {
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

  // Results by case of labs `target` of the module; empty when the run was lost before its first.
  std::vector<CaseResult> attack(const char* module, const std::string& target, const Words& more,
                                 double timeout_s, Ended& ended) {
    const std::string out = folder_ + "/run";
    std::filesystem::remove_all(out);
    // Ceilings are measured once for this build.
    setenv("AISP_CACHE_DIR", AISP_CEILINGS_CACHE, 1);
    Words words = {"bench", "run",      "--labs", module,        "--targets", target,  "--size",
                   "smoke", "--budget", "0.5",    "--processes", "1",         "--out", out};
    words.insert(words.end(), more.begin(), more.end());
    ended = run_program(words, folder_ + "/output", timeout_s);
    return std::filesystem::exists(out + "/run.json") ? read_run(out).results
                                                      : std::vector<CaseResult>{};
  }

  void expect_caught(const char* module, const std::string& chapter, const Row& row) {
    Ended ended;
    const auto results = attack(module, chapter + ":" + row.attack, row.options, 120.0, ended);
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

  void expect_passes(const char* module, const std::string& chapter, const Row& row) {
    const std::string lost = row.run_is_lost;
    Ended ended;
    std::string seen;
    Words options = row.options;
    options.insert(options.end(), {"--without-check", row.check});
    for (const std::string& check : row.also_off) options.back() += "," + check;
    // On a machine that is busy a cheat may stumble over its own timing: three tries to pass.
    for (int attempt = 0; attempt < 3; ++attempt) {
      const auto results =
          attack(module, chapter + ":" + row.attack, options, lost == "hangs" ? 8.0 : 120.0, ended);
      if (!lost.empty()) {
        EXPECT_TRUE(results.empty()) << "the attack did not take the run down";
        EXPECT_EQ(ended.killed, lost == "hangs") << ended.output;
        const int code = lost == "ends early" ? 0 : lost == "loses the device" ? 8 : -1;
        EXPECT_EQ(ended.code, code) << ended.output;
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

  std::string folder_;
};

}  // namespace aisp::bench
