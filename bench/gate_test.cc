// The gate's judgement on records made by hand: what is red, what is not, and who is forgiven.
#include "bench/gate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/rng.h"
#include "bench/gate_replay.h"

namespace aisp::bench {
namespace {

constexpr double kHalfWidth = 0.002;  // of every interval here

Interval around(double ratio) {
  return {ratio, ratio * (1 - kHalfWidth), ratio * (1 + kHalfWidth)};
}

TechniqueResult technique(const std::string& name, double ratio) {
  TechniqueResult row;
  row.name = name;
  row.role = "technique";
  row.outcome = Outcome::kOk;
  row.pair.ratio = around(ratio);
  return row;
}

RunRecord run_with(const std::vector<TechniqueResult>& techniques, const std::string& id = "r") {
  RunRecord run;
  run.folder = id;
  run.header = {{"hardware_key", "key"}, {"run_id", id}, {"options", {{"size", "full"}}}};
  CaseResult result;
  result.lab = "ch07:copy";
  result.folder = "labs/ch07/copy";
  result.source_hash = "one";
  result.case_name = "hidden";
  result.size = "full";
  result.baseline = "scalar";
  result.techniques = techniques;
  run.results = {result};
  return run;
}

// Six recorded runs around 0.5 that scatter by `scatter` in all.
GateLab recorded(double scatter = 0.004, std::size_t runs = 6) {
  GateLab lab{"ch07:copy", "labs/ch07/copy", {"ch07:copy", "key", {}}};
  ExpectedCase& one = lab.expectations.cases["hidden/full"];
  one.baseline = "scalar";
  for (std::size_t i = 0; i < runs; ++i) {
    Observation seen;
    seen.source_hash = "one";
    seen.ratio = around(0.5 * (1.0 + scatter * (static_cast<double>(i) / 5.0 - 0.5)));
    one.techniques["streaming"].runs.push_back(seen);
  }
  return lab;
}

GateReport judge(const std::vector<RunRecord>& runs, const std::vector<Xfail>& xfails = {},
                 const GateLab& lab = recorded()) {
  GateRules rules;
  rules.today = "2026-11-21";
  return judge_gate({lab}, runs, xfails, rules);
}

TEST(Gate, GreenWithinTheRecordedSpread) {
  const GateReport gate = judge({run_with({technique("streaming", 0.502)})});
  ASSERT_EQ(gate.rows.size(), 1u);
  EXPECT_EQ(gate.rows[0].status, GateStatus::kOk);
  EXPECT_EQ(gate.red, 0u);
  EXPECT_TRUE(gate.recorded_anything);
}

// With many rows in one gate a step must be surer, so one run suspects and two decide.
TEST(Gate, AmongManyRowsOneRunSuspectsAndTwoDecide) {
  GateLab lab = recorded(0.02);
  auto& techniques = lab.expectations.cases["hidden/full"].techniques;
  std::vector<TechniqueResult> seen = {technique("streaming", 0.515)};  // +3 %
  for (int i = 0; i < 100; ++i) {
    techniques["quiet" + std::to_string(i)] = techniques["streaming"];
    seen.push_back(technique("quiet" + std::to_string(i), 0.5));
  }
  const RunRecord slower = run_with(seen);
  const GateReport once = judge({slower}, {}, lab);
  EXPECT_EQ(once.suspect, 1u);
  EXPECT_EQ(once.red, 0u);
  const GateReport twice = judge({slower, slower}, {}, lab);
  EXPECT_EQ(twice.red, 1u);
  EXPECT_EQ(twice.rows.back().technique, "streaming");
  EXPECT_EQ(twice.rows.back().status, GateStatus::kRegressed) << twice.rows.back().p;
}

TEST(Gate, WithinTheMarginIsOfNoInterestHoweverSure) {
  const GateReport gate = judge({run_with({technique("streaming", 0.5045)})}, {}, recorded(1e-5));
  EXPECT_EQ(gate.rows[0].status, GateStatus::kOk);
}

TEST(Gate, TheSecondRunMayClearASuspect) {
  const GateReport gate =
      judge({run_with({technique("streaming", 0.56)}), run_with({technique("streaming", 0.501)})});
  EXPECT_EQ(gate.rows[0].status, GateStatus::kOk);
}

TEST(Gate, AWideRecordedSpreadAsksForALargerStep) {
  const RunRecord slower = run_with({technique("streaming", 0.53)});  // +6 %
  const GateReport noisy = judge({slower, slower}, {}, recorded(0.2));
  EXPECT_NE(noisy.rows[0].status, GateStatus::kRegressed);
  EXPECT_GT(noisy.rows[0].visible_step, 1.06);
  EXPECT_EQ(judge({slower, slower}).rows[0].status, GateStatus::kRegressed);
}

TEST(Gate, TwoRecordedRunsSuspectButNeverCondemn) {
  const RunRecord slower = run_with({technique("streaming", 1.0)});
  const GateReport gate = judge({slower, slower}, {}, recorded(0.004, 2));
  EXPECT_EQ(gate.rows[0].status, GateStatus::kSuspect);
  EXPECT_NE(gate.rows[0].text.find("2 recorded runs"), std::string::npos);
}

TEST(Gate, WrongIsRedWhateverTheTime) {
  TechniqueResult wrong = technique("streaming", 0.1);
  wrong.outcome = Outcome::kWrong;
  wrong.reason = "element 3";
  const GateReport gate = judge({run_with({wrong})});
  EXPECT_EQ(gate.rows[0].status, GateStatus::kWrong);
  EXPECT_EQ(gate.wrong, 1u);
  EXPECT_NE(gate.rows[0].text.find("element 3"), std::string::npos);
}

TEST(Gate, WhatIsExpectedAndNotThereIsRed) {
  EXPECT_EQ(judge({run_with({})}).rows[0].status, GateStatus::kMissing);
  TechniqueResult skipped = technique("streaming", 0.5);
  skipped.outcome = Outcome::kSkipped;
  skipped.reason = "needs AVX-512";
  const GateReport gate = judge({run_with({skipped})});
  EXPECT_EQ(gate.missing, 1u);
  EXPECT_NE(gate.rows[0].text.find("needs AVX-512"), std::string::npos);
  RunRecord other = run_with({technique("streaming", 0.5)});
  other.results[0].baseline = "memcpy";
  EXPECT_EQ(judge({other}).rows[0].status, GateStatus::kMissing);
}

TEST(Gate, OtherSizesAreNotDue) {
  RunRecord smoke = run_with({});
  smoke.header["options"]["size"] = "smoke";
  smoke.results.clear();
  EXPECT_TRUE(judge({smoke}).rows.empty());
}

TEST(Gate, ResultsThatNobodyExpectedAreListedAndWrongOnesAreRed) {
  TechniqueResult wrong = technique("tiled", 0.3);
  wrong.outcome = Outcome::kFailed;
  const GateReport gate =
      judge({run_with({technique("streaming", 0.5), technique("unrolled", 0.4), wrong})});
  ASSERT_EQ(gate.rows.size(), 3u);
  EXPECT_EQ(gate.rows[1].status, GateStatus::kUnrecorded);
  EXPECT_EQ(gate.rows[2].status, GateStatus::kWrong);
  EXPECT_EQ(gate.red, 1u);
}

TEST(Gate, AKnownFailureIsForgivenUntilItsDay) {
  const RunRecord slower = run_with({technique("streaming", 0.6)});
  const Xfail known{"ch07:*", "*", "streaming", "kernel 6.1 bug", "2026-11-21"};
  const GateReport forgiven = judge({slower, slower}, {known});
  EXPECT_EQ(forgiven.red, 0u);
  EXPECT_TRUE(forgiven.rows[0].expected_to_fail);
  Xfail expired = known;
  expired.until = "2026-11-20";
  const GateReport red = judge({slower, slower}, {expired});
  EXPECT_EQ(red.red, 1u);
  EXPECT_NE(red.rows[0].xfail_reason.find("expired"), std::string::npos);
  const GateReport passes = judge({run_with({technique("streaming", 0.5)})}, {known});
  EXPECT_NE(passes.rows[0].xfail_reason.find("no longer fails"), std::string::npos);
}

TEST(Gate, BetterIsToldAndSourcesThatChangedAreMarked) {
  RunRecord quicker = run_with({technique("streaming", 0.4)});
  quicker.results[0].source_hash = "two";
  const GateReport gate = judge({quicker});
  EXPECT_EQ(gate.rows[0].status, GateStatus::kBetter);
  EXPECT_TRUE(gate.rows[0].source_changed);
  EXPECT_EQ(gate.red, 0u);
}

TEST(Gate, HolmRejectsStepByStep) {
  EXPECT_EQ(holm({0.01, 0.04, 0.03}, 0.05), (std::vector<bool>{true, false, false}));
  EXPECT_EQ(holm({0.01, 0.02, 0.04}, 0.05), (std::vector<bool>{true, true, true}));
  EXPECT_TRUE(holm({}, 0.05).empty());
}

// With rows that scatter as the model says, at most alpha of all gates have a false red.
TEST(Gate, TheChanceOfAnyFalseRedIsHeld) {
  Rng rng(7);
  const auto noise = [&] { return rng.normal(); };
  int gates_red = 0;
  constexpr int kGates = 200, kRows = 100;
  for (int gate = 0; gate < kGates; ++gate) {
    std::vector<double> p;
    for (int row = 0; row < kRows; ++row) {
      std::vector<Interval> seen;
      for (int i = 0; i < 6; ++i) seen.push_back(around(std::exp(0.01 * noise())));
      p.push_back(p_slower(spread_of(seen, {0.005, 0.0}), 0.01 * noise(), 1));
    }
    const auto reds = holm(p, 0.05);
    gates_red += std::count(reds.begin(), reds.end(), true) > 0 ? 1 : 0;
  }
  EXPECT_LE(gates_red, 30);  // 200 x 0.05 = 10 expected; the median as centre costs a little
}

class XfailFile : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/aisp-xfail-" + std::to_string(getpid()) + ".json";
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::vector<Xfail> read(const std::string& text) {
    std::ofstream(path_) << text;
    return read_xfails(path_);
  }
  std::string error(const std::string& text) {
    try {
      read(text);
    } catch (const Error& problem) {
      return problem.what();
    }
    return "";
  }
  std::string path_;
};

TEST_F(XfailFile, ReadsWhatIsWellFormed) {
  EXPECT_TRUE(read_xfails(path_).empty());
  const auto all = read(R"([{"lab": "ch07:*", "case": "*", "technique": "x", "reason": "r",
                            "until": "2027-01-31"}])");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].until, "2027-01-31");
}

TEST_F(XfailFile, SaysWhatIsWrong) {
  EXPECT_NE(error("{").find("damaged"), std::string::npos);
  EXPECT_NE(error("{}").find("list"), std::string::npos);
  EXPECT_NE(error(R"([{"labs": "x"}])").find("did you mean \"lab\""), std::string::npos);
  EXPECT_NE(error(R"([{"lab": 3}])").find("damaged"), std::string::npos);
  const std::string whole = R"("lab": "a", "case": "b", "technique": "c")";
  EXPECT_NE(error("[{" + whole + R"(, "until": "2027-01-31"}])").find("\"reason\" is missing"),
            std::string::npos);
  EXPECT_NE(error("[{" + whole + R"(, "reason": "r", "until": "soon"}])").find("date"),
            std::string::npos);
}

TEST(GateReplay, NeedsEnoughSessions) { EXPECT_THROW(replay_gate({run_with({})}, {}), Error); }

// Sessions whose ratios really are the same: no reds, and the planted step is found.
TEST(GateReplay, FindsWhatIsPlantedAndNothingElse) {
  Rng rng(3);
  std::vector<RunRecord> sessions;
  for (int s = 0; s < 10; ++s) {
    TechniqueResult base = technique("scalar", 1.0);
    base.role = "baseline";
    RunRecord run = run_with({base, technique("streaming", 0.5)}, "s" + std::to_string(s));
    run.results[0].techniques[1].margin = 0.01;
    run.results[0].techniques[1].level = 0.95;
    ProcessRecord process;
    const double session = 1.0 + 0.002 * (static_cast<double>(rng.below(1000)) / 1000.0 - 0.5);
    for (int i = 0; i < 100; ++i) {
      const double jitter = 1.0 + 0.01 * static_cast<double>(rng.below(1000)) / 1000.0;
      process.series["scalar"].wall_ns.push_back(1000.0);
      process.series["scalar"].cpu_ns.push_back(1000.0);
      process.series["streaming"].wall_ns.push_back(500.0 * jitter * session);
      process.series["streaming"].cpu_ns.push_back(500.0 * jitter * session);
    }
    process.series["scalar"].iterations = process.series["streaming"].iterations = 1000;
    run.results[0].processes = {process};
    run.results[0].techniques[1].pair.ratio = around(0.5 * 1.005 * session);
    sessions.push_back(std::move(run));
  }
  ReplayOptions options;
  options.trials = 100;
  const ReplayReport report = replay_gate(sessions, options);
  EXPECT_EQ(report.trials, 100u);
  EXPECT_EQ(report.rows, 100u);
  EXPECT_EQ(report.false_reds, 0u);
  EXPECT_GT(report.planted_fit, 30u);  // about half of the draws are the baseline
  EXPECT_EQ(report.found_second, report.planted_fit);
}

}  // namespace
}  // namespace aisp::bench
