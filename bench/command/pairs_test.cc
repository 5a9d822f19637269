// Pairs of known answer, and every way in which a command can be thrown out.
#include "bench/command/pairs.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace aisp::bench::command {
namespace {

namespace fs = std::filesystem;

class Pairs : public testing::Test {
 protected:
  Pairs() {
    char name[] = "/tmp/aisp-pairs-XXXXXX";
    folder_ = mkdtemp(name);
    job_.case_name = "run";
    job_.size = "full";
    job_.techniques = {"a", "b"};
    job_.budget_s = 5.0;
    job_.precision = 0.0;
  }
  ~Pairs() override { fs::remove_all(folder_); }

  CommandLab lab_of(const std::string& a, const std::string& b, const std::string& output = "") {
    CommandLab lab;
    for (const auto& [name, line] : {std::pair{"a", a}, {"b", b}}) {
      Command& command = lab.full["run"].commands[name];
      command.line = line;
      command.cwd = folder_;
      if (!output.empty()) command.output = std::string(name) + output;
    }
    if (!output.empty()) lab.rules.check.of = OutputCheck::Of::kFile;
    return lab;
  }

  PairResult judged(const JobOutcome& outcome) const {
    PairRules rules;
    rules.clock = outcome.clock;
    rules.clock_step_ns = outcome.clock_step_ns;
    rules.baseline_iterations = rules.technique_iterations = 1;
    rules.margin = job_.margin;
    const auto samples = [&](const char* name) {
      std::vector<Sample> all;
      const Series& series = outcome.process->series.at(name);
      for (std::size_t i = 0; i < series.wall_ns.size(); ++i) {
        all.push_back({series.wall_ns[i], series.cpu_ns[i]});
      }
      return all;
    };
    auto a = samples("a");
    const auto b = samples("b");
    a.resize(b.size());
    return judge_pairs(a, b, rules);
  }

  // The reason why the technique fell; "" when it did not.
  static std::string fall_of(const JobOutcome& outcome, const std::string& technique,
                             Outcome kind = Outcome::kFailed) {
    for (const auto& event : outcome.events) {
      if (event.technique == technique && event.outcome == kind) return event.reason;
    }
    return "";
  }

  static std::string spin(int steps) {
    return "i=0; while [ $i -lt " + std::to_string(steps) + " ]; do i=$((i+1)); done";
  }

  std::string folder_;
  PairsJob job_;
};

TEST_F(Pairs, ACommandAgainstItselfIsNeverCalledDifferent) {
  for (std::uint64_t trial = 1; trial <= 5; ++trial) {
    job_.seed = trial;
    job_.budget_s = 0.6;
    const JobOutcome outcome = run_pairs(lab_of(spin(2000), spin(2000)), job_);
    ASSERT_TRUE(outcome.process);
    const Verdict verdict = judged(outcome).verdict;
    EXPECT_NE(verdict, Verdict::kFaster);
    EXPECT_NE(verdict, Verdict::kSlower);
  }
}

TEST_F(Pairs, TenPerCentMoreSleepIsSlower) {
  job_.budget_s = 30.0;  // a busy machine wakes sleepers late
  const JobOutcome outcome = run_pairs(lab_of("sleep 0.010", "sleep 0.011"), job_);
  const PairResult pair = judged(outcome);
  EXPECT_EQ(pair.clock, Clock::kWall);  // a sleeper is not one busy thread
  EXPECT_EQ(pair.verdict, Verdict::kSlower) << pair.ratio.low << " " << pair.ratio.high;
}

TEST_F(Pairs, FivePerCentMoreWorkIsSlowerOnTheCpuClock) {
  CommandLab lab = lab_of(spin(20000), spin(21000));
  lab.rules.time = TimeSource::kCpu;
  job_.budget_s = 60.0;
  const PairResult pair = judged(run_pairs(lab, job_));
  EXPECT_EQ(pair.clock, Clock::kCpu);
  EXPECT_EQ(pair.verdict, Verdict::kSlower) << pair.ratio.low << " " << pair.ratio.high;
}

TEST_F(Pairs, PrintedTimesDecideWhereAllPrintThem) {
  const JobOutcome outcome =
      run_pairs(lab_of("sleep 0.003; echo TIME_MS: 2.000", "echo TIME_MS: 3.000"), job_);
  EXPECT_EQ(outcome.clock, ClockRule::kPrinted);
  const PairResult pair = judged(outcome);
  EXPECT_NEAR(pair.ratio.estimate, 1.5, 1e-9);
  EXPECT_EQ(pair.verdict, Verdict::kSlower);
  EXPECT_EQ(pair.rounds, least_rounds(job_.level));
}

TEST_F(Pairs, PrintedTimesKnowTheirDigits) {
  // 1.99 and 2.01 may both be printed as 2: two digits can never be called equivalent at 1 %.
  job_.budget_s = 0.3;
  const PairResult pair = judged(run_pairs(lab_of("echo TIME_MS: 2", "echo TIME_MS: 2"), job_));
  EXPECT_EQ(pair.verdict, Verdict::kInconclusive);
  EXPECT_LT(pair.ratio.low, 0.8);
}

TEST_F(Pairs, OnePrintedTimeIsNotEnough) {
  job_.budget_s = 0.3;
  CommandLab lab = lab_of("echo TIME_MS: 2", "echo none");
  const JobOutcome outcome = run_pairs(lab, job_);
  EXPECT_EQ(outcome.clock, ClockRule::kObserved);
  ASSERT_FALSE(outcome.notes.empty());
  EXPECT_NE(outcome.notes[0].find("1 of 2 commands"), std::string::npos);
  lab.rules.time = TimeSource::kPrinted;
  EXPECT_NE(fall_of(run_pairs(lab, job_), "b").find("no line with TIME_MS"), std::string::npos);
  lab.full["run"].commands["b"].line = "echo TIME_MS: soon";
  EXPECT_NE(fall_of(run_pairs(lab, job_), "b").find("no number above 0: soon"), std::string::npos);
  lab.full["run"].commands["b"].line = "echo '{\"t_us\": 5}'";
  lab.rules.json_key = "t_us";
  EXPECT_NE(fall_of(run_pairs(lab, job_), "a").find("no JSON line with t_us"), std::string::npos);
}

TEST_F(Pairs, FailuresAreNamedWithTheirOutput) {
  JobOutcome outcome = run_pairs(lab_of("true", "echo why >&2; exit 3"), job_);
  EXPECT_EQ(fall_of(outcome, "b"), "exit status 3");
  EXPECT_EQ(outcome.events[0].last_output, "why\n");
  EXPECT_EQ(outcome.process->series.count("b"), 0u);
  EXPECT_EQ(outcome.process->series.at("a").wall_ns.size(), least_rounds(job_.level));
  EXPECT_NE(fall_of(run_pairs(lab_of("true", "kill -9 $$"), job_), "b").find("killed by signal 9"),
            std::string::npos);
  EXPECT_NE(fall_of(run_pairs(lab_of("true", "nosuchprogram | cat; nosuchprogram"), job_), "b")
                .find("the shell found no such program"),
            std::string::npos);
  EXPECT_NE(fall_of(run_pairs(lab_of("true", "nosuchprogram"), job_), "b").find("no program"),
            std::string::npos);
  outcome = run_pairs(lab_of("false", "true"), job_);
  EXPECT_NE(fall_of(outcome, "a"), "");
  EXPECT_FALSE(outcome.process);
}

TEST_F(Pairs, ExitStatusesCanBeIgnoredSignalsNever) {
  CommandLab lab = lab_of("exit 1", "exit 2");
  lab.rules.ignore_exit = true;
  job_.budget_s = 0.3;
  EXPECT_TRUE(run_pairs(lab, job_).events.empty());
  lab.full["run"].commands["b"].line = "kill -9 $$";
  EXPECT_NE(fall_of(run_pairs(lab, job_), "b"), "");
}

TEST_F(Pairs, AHangCostsItsLimit) {
  CommandLab lab = lab_of("true", "sleep 20");
  lab.rules.time_limit_s = 0.3;
  const JobOutcome outcome = run_pairs(lab, job_);
  EXPECT_EQ(fall_of(outcome, "b"), "no end within 0.3 s");
  EXPECT_EQ(outcome.events[0].detector, "time-limit");
}

TEST_F(Pairs, PreparationRunsBeforeEachAndMustWork) {
  CommandLab lab = lab_of("test -e ready && rm ready", "test -e ready && rm ready");
  for (auto& [name, command] : lab.full["run"].commands) command.prepare = "touch ready";
  job_.budget_s = 0.3;
  EXPECT_TRUE(run_pairs(lab, job_).events.empty());
  lab.full["run"].commands["b"].prepare = "false";
  EXPECT_NE(fall_of(run_pairs(lab, job_), "b").find("preparation failed"), std::string::npos);
}

TEST_F(Pairs, AWrongOutputHasNoTime) {
  JobOutcome outcome = run_pairs(lab_of("echo 1 > a.out", "echo 2 > b.out", ".out"), job_);
  EXPECT_NE(fall_of(outcome, "b", Outcome::kWrong).find("bytes differ"), std::string::npos);
  EXPECT_EQ(outcome.process->series.count("b"), 0u);
  outcome = run_pairs(lab_of("echo 1 > a.out", "true", ".out"), job_);
  EXPECT_NE(fall_of(outcome, "b", Outcome::kWrong), "");
}

TEST_F(Pairs, ALeftoverOutputIsNotAnOutput) {
  std::ofstream(folder_ + "/b.out") << "1\n";
  const JobOutcome outcome = run_pairs(lab_of("echo 1 > a.out", "true", ".out"), job_);
  EXPECT_NE(fall_of(outcome, "b", Outcome::kWrong).find("was there before"), std::string::npos);
  EXPECT_TRUE(fs::exists(folder_ + "/b.out"));  // nobody's file is deleted
}

TEST_F(Pairs, ABaselineThatDisagreesWithItselfIsWrong) {
  CommandLab lab = lab_of("date +%s%N", "date +%s%N");
  lab.rules.check.of = OutputCheck::Of::kStdout;
  const JobOutcome outcome = run_pairs(lab, job_);
  EXPECT_NE(fall_of(outcome, "b", Outcome::kWrong), "");
  EXPECT_NE(fall_of(outcome, "a", Outcome::kWrong).find("its own first run"), std::string::npos);
}

TEST_F(Pairs, LaterRunsAreCheckedToo) {
  // Right the first time, wrong from the third on.
  CommandLab lab =
      lab_of("echo x", "echo >> count; test $(wc -l < count) -gt 2 && echo y || echo x");
  lab.rules.check.of = OutputCheck::Of::kStdout;
  EXPECT_NE(fall_of(run_pairs(lab, job_), "b", Outcome::kWrong), "");
}

TEST_F(Pairs, NumbersWithinATolerance) {
  CommandLab lab = lab_of("echo loss 0.500", "echo loss 0.501");
  lab.rules.check.of = OutputCheck::Of::kStdout;
  lab.rules.check.as = OutputCheck::As::kText;
  lab.rules.check.relative = 0.01;
  job_.budget_s = 0.3;
  const JobOutcome outcome = run_pairs(lab, job_);
  EXPECT_TRUE(outcome.events.empty());
  EXPECT_NEAR(outcome.findings.at("b").worst_in_bounds, 0.2, 1e-6);
  EXPECT_GT(outcome.findings.at("b").outputs_checked, 2u);
  lab.rules.check.relative = 0.001;
  EXPECT_NE(fall_of(run_pairs(lab, job_), "b", Outcome::kWrong).find("1 of 1 wrong"),
            std::string::npos);
}

TEST_F(Pairs, UsageAndShortCommandsAreTold) {
  job_.budget_s = 0.3;
  const JobOutcome outcome = run_pairs(lab_of("true", "exit 0"), job_);
  const CommandUsage& a = *outcome.findings.at("a").usage;
  EXPECT_GT(a.wall_ns, 0.0);
  EXPECT_GT(a.start_ns, 0.0);
  EXPECT_FALSE(a.shell);
  EXPECT_TRUE(outcome.findings.at("b").usage->shell);
  ASSERT_FALSE(outcome.notes.empty());
  EXPECT_NE(outcome.notes[0].find("let it do more work in one run"), std::string::npos);
}

TEST(LeastRounds, IsWhatTheIntervalNeeds) {
  EXPECT_EQ(anytime_order_index(least_rounds(0.95) - 1, 0.95), SIZE_MAX);
  EXPECT_NE(anytime_order_index(least_rounds(0.95), 0.95), SIZE_MAX);
}

}  // namespace
}  // namespace aisp::bench::command
