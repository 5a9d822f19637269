// Expectations are written by the tool alone, and a worse value only with a reason.
#include "bench/expectations.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"

namespace aisp::bench {
namespace {

namespace fs = std::filesystem;

RunRecord run_of(double ratio, const std::string& id, Outcome outcome = Outcome::kOk) {
  RunRecord run;
  run.folder = id;
  run.header = {{"hardware_key", "key"},
                {"run_id", id},
                {"aisp", {{"git_commit", "abc"}, {"git_dirty", true}, {"compiler", "GNU 12"}}}};
  CaseResult result;
  result.lab = "ch07:copy";
  result.folder = "labs/ch07/copy";
  result.source_hash = "hash";
  result.case_name = "hidden";
  result.size = "full";
  result.baseline = "scalar";
  result.started_utc = "2026-11-21T10:00:00Z";
  result.processes.resize(2);
  TechniqueResult baseline, timed, peer;
  baseline.name = "scalar";
  baseline.role = "baseline";
  timed.name = "streaming";
  timed.role = "technique";
  timed.outcome = outcome;
  timed.reason = "why not";
  timed.pair.ratio = {ratio, ratio * 0.998, ratio * 1.002};
  timed.pair.rounds = 64;
  timed.ceiling_fraction = 0.9;
  peer = timed;
  peer.name = "onednn";
  peer.role = "peer";
  result.techniques = {baseline, timed, peer};
  run.results = {result};
  return run;
}

UpdateRow::Kind take(Expectations& into, double ratio, const std::string& accept = "") {
  static int count = 0;
  const RunRecord run = run_of(ratio, "run" + std::to_string(++count));
  const auto rows = update(into, run, run.results[0], accept);
  return rows.at(0).kind;
}

const ExpectedTechnique& row(const Expectations& from) {
  return from.cases.at("hidden/full").techniques.at("streaming");
}

TEST(Expectations, TheFirstRunIsTakenAndPeersAndTheBaselineAreNot) {
  Expectations all;
  EXPECT_EQ(take(all, 0.5), UpdateRow::Kind::kFirst);
  EXPECT_EQ(all.cases.at("hidden/full").techniques.size(), 1u);
  const Observation& seen = row(all).runs.at(0);
  EXPECT_EQ(seen.commit, "abc");
  EXPECT_TRUE(seen.dirty);
  EXPECT_EQ(seen.source_hash, "hash");
  EXPECT_EQ(seen.processes, 2u);
  EXPECT_DOUBLE_EQ(seen.ceiling_fraction, 0.9);
  EXPECT_FALSE(seen.beside_fraction.has_value());
  EXPECT_EQ(to_json(all).dump().find("beside_fraction"), std::string::npos);
}

TEST(Expectations, TheCeilingBesideIsKeptAndIsNoTechnique) {
  Expectations all;
  RunRecord run = run_of(0.5, "with a ceiling");
  CaseResult& result = run.results[0];
  result.techniques[1].beside = "ceiling";
  result.techniques[1].beside_fraction = {0.93, 0.91, 0.94};
  result.techniques.push_back(result.techniques[1]);
  result.techniques.back().name = result.techniques.back().role = "ceiling";
  update(all, run, result, "");
  EXPECT_EQ(all.cases.at("hidden/full").techniques.size(), 1u);
  const Interval kept = row(all).runs.at(0).beside_fraction.value();
  EXPECT_DOUBLE_EQ(kept.low, 0.91);
  EXPECT_NE(to_json(all).dump().find("beside_fraction"), std::string::npos);
}

TEST(Expectations, ValuesWithinTheSpreadAreAddedAndTheOldestGoes) {
  Expectations all;
  for (std::size_t i = 0; i < kRunsKept + 3; ++i) take(all, 0.5 + 0.0005 * (i % 2));
  EXPECT_EQ(row(all).runs.size(), kRunsKept);
}

TEST(Expectations, AWorseValueIsRefusedUnlessSomebodySaysWhy) {
  Expectations all;
  for (int i = 0; i < 4; ++i) take(all, 0.5);
  EXPECT_EQ(take(all, 0.6), UpdateRow::Kind::kRefused);
  EXPECT_EQ(row(all).runs.size(), 4u);
  EXPECT_DOUBLE_EQ(row(all).runs.back().ratio.estimate, 0.5);
  EXPECT_EQ(take(all, 0.6, "checks bounds now"), UpdateRow::Kind::kAccepted);
  EXPECT_EQ(row(all).runs.size(), 1u);
  EXPECT_EQ(row(all).accepted, "2026-11-21: checks bounds now (was 0.5)");
}

TEST(Expectations, ARowLearnsItsSpreadFirstAndSaysSo) {
  Expectations all;
  EXPECT_EQ(take(all, 0.5), UpdateRow::Kind::kFirst);
  EXPECT_EQ(take(all, 0.54), UpdateRow::Kind::kLearning);
  EXPECT_EQ(take(all, 0.51), UpdateRow::Kind::kConfirmed);
  EXPECT_EQ(row(all).runs.size(), 3u);
  EXPECT_EQ(take(all, 0.53), UpdateRow::Kind::kConfirmed) << "it is known to scatter";
  EXPECT_EQ(take(all, 0.9), UpdateRow::Kind::kRefused);
}

TEST(Expectations, ManySmallStepsAreOneLargeOne) {
  Expectations all;
  double ratio = 0.5;
  bool refused = false;
  for (int i = 0; i < 60 && !refused; ++i) {
    ratio *= 1.002;
    refused = take(all, ratio) == UpdateRow::Kind::kRefused;
  }
  EXPECT_TRUE(refused) << "crept to " << ratio;
  EXPECT_LT(ratio, 0.5 * 1.04);
}

TEST(Expectations, ABetterValueStartsTheRowAgain) {
  Expectations all;
  for (int i = 0; i < 4; ++i) take(all, 0.5);
  EXPECT_EQ(take(all, 0.4), UpdateRow::Kind::kBetter);
  EXPECT_EQ(row(all).runs.size(), 1u);
  for (int i = 0; i < 2; ++i) take(all, 0.4);
  EXPECT_EQ(take(all, 0.5), UpdateRow::Kind::kRefused) << "and holds from then on";
}

TEST(Expectations, TheSameRunTwiceCountsOnce) {
  Expectations all;
  const RunRecord run = run_of(0.5, "same");
  update(all, run, run.results[0], "");
  EXPECT_EQ(update(all, run, run.results[0], "").at(0).kind, UpdateRow::Kind::kLeft);
  EXPECT_EQ(row(all).runs.size(), 1u);
}

TEST(Expectations, NoisyAndWrongResultsAreLeftOut) {
  Expectations all;
  for (const Outcome outcome : {Outcome::kNoisy, Outcome::kWrong, Outcome::kSkipped}) {
    const RunRecord run = run_of(0.5, "r", outcome);
    EXPECT_EQ(update(all, run, run.results[0], "").at(0).kind, UpdateRow::Kind::kLeft);
  }
  EXPECT_TRUE(all.cases.empty());
}

TEST(Expectations, AnotherBaselineNeedsAReason) {
  Expectations all;
  take(all, 0.5);
  RunRecord other = run_of(0.9, "other");
  other.results[0].baseline = "memcpy";
  EXPECT_EQ(update(all, other, other.results[0], "").at(0).kind, UpdateRow::Kind::kRefused);
  EXPECT_EQ(all.cases.at("hidden/full").baseline, "scalar");
  update(all, other, other.results[0], "memcpy is what people call");
  EXPECT_EQ(all.cases.at("hidden/full").baseline, "memcpy");
}

class ExpectationFiles : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/aisp-expectations-" + std::to_string(getpid());
    fs::remove_all(root_);
    fs::create_directories(root_ + "/labs/ch07/copy");
    path_ = expectations_path(root_, "labs/ch07/copy", "key");
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string error() {
    try {
      update_expectations(run_of(0.5, "x"), root_, "");
    } catch (const Error& problem) {
      return problem.what();
    }
    return "";
  }
  std::string root_, path_;
};

TEST_F(ExpectationFiles, AreWrittenAndReadBackWhole) {
  update_expectations(run_of(0.5, "one"), root_, "");
  update_expectations(run_of(0.501, "two"), root_, "");
  const Expectations read = read_expectations(path_, "ch07:copy", "key");
  EXPECT_EQ(row(read).runs.size(), 2u);
  EXPECT_EQ(to_json(read).dump(), to_json(read_expectations(path_, "ch07:copy", "key")).dump());
  EXPECT_EQ(std::distance(fs::directory_iterator(fs::path(path_).parent_path()), {}), 1);
}

TEST_F(ExpectationFiles, ARefusedRowLeavesTheFileUntouched) {
  for (const char* id : {"one", "two", "three"}) update_expectations(run_of(0.5, id), root_, "");
  const auto before = fs::last_write_time(path_);
  EXPECT_EQ(update_expectations(run_of(0.8, "four"), root_, "").at(0).kind,
            UpdateRow::Kind::kRefused);
  EXPECT_EQ(fs::last_write_time(path_), before);
}

TEST_F(ExpectationFiles, DamageAndStrangersAreErrorsThatNameTheFile) {
  fs::create_directories(fs::path(path_).parent_path());
  for (const char* text : {"", "{", "[]", "{\"schema\": \"aisp.expectations/0\"}",
                           "{\"schema\": \"aisp.expectations/1\", \"lab\": \"ch07:copy\"}",
                           "{\"schema\": \"aisp.expectations/1\", \"lab\": \"ch09:other\", "
                           "\"hardware_key\": \"key\", \"cases\": {}}"}) {
    std::ofstream(path_) << text;
    EXPECT_NE(error().find(path_), std::string::npos) << text;
    EXPECT_NE(error().find("version control"), std::string::npos) << text;
    std::ifstream file(path_);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text) << "kept for a look";
  }
}

TEST_F(ExpectationFiles, ARootWithoutTheLabIsAnError) {
  fs::remove_all(root_ + "/labs");
  EXPECT_NE(error().find("--root"), std::string::npos);
}

TEST_F(ExpectationFiles, RunsWithChecksOffProveNothing) {
  RunRecord run = run_of(0.5, "off");
  run.results[0].checks_off = {"output"};
  EXPECT_THROW(update_expectations(run, root_, ""), Error);
}

}  // namespace
}  // namespace aisp::bench
