// Counters without a card: a recorded table, and what is in the way played by a program that is
// called ncu and found on the PATH.
#include "bench/profile/ncu.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "bench/profile/ncu_csv.h"
#include "bench/profile/one_call.h"

namespace aisp::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRows =
    "==PROF== Connected to process 7 (/opt/aisp)\n"
    "\"ID\",\"Process ID\",\"Kernel Name\",\"Block Size\",\"Grid Size\",\"dram__bytes_read.sum\","
    "\"gpu__time_duration.sum\",\"launch__func_cache_config\"\n"
    "\"\",\"\",\"\",\"\",\"\",\"Mbyte\",\"us\",\"\"\n"
    "\"0\",\"7\",\"turn, \"\"tile\"\"\",\"(32, 8, 1)\",\"(128, 128, 1)\",\"1,067.5\",\"20.5\","
    "\"CachePreferNone\"\n"
    "\"1\",\"7\",\"cut off\",\"(32, 8, 1)\"\n";

TEST(NcuCsv, ReadsNamesUnitsAndQuotedFields) {
  const NcuOutput out = read_ncu_csv(kRows);
  ASSERT_EQ(out.kernels.size(), 1u);
  const KernelCounters& one = out.kernels[0];
  EXPECT_EQ(one.kernel, "turn, \"tile\"");
  EXPECT_EQ(one.grid, "(128, 128, 1)");
  EXPECT_EQ(one.block, "(32, 8, 1)");
  EXPECT_DOUBLE_EQ(one.value("dram__bytes_read.sum"), 1067.5e6);
  EXPECT_DOUBLE_EQ(one.value("gpu__time_duration.sum"), 20.5e3);
  EXPECT_TRUE(std::isnan(one.value("launch__func_cache_config")));
  EXPECT_EQ(one.values.size(), 2u);
}

TEST(NcuCsv, OtherTextIsNoTable) {
  for (const char* text : {"", "\n\n", "hello", "\"ID\",\"x__y\"", "\"1\",\"2\"\n", "==PROF== x\n",
                           "\"ID\",\"\n\"\"\"\n\"\xff\xfe,,,"}) {
    EXPECT_TRUE(read_ncu_csv(text).kernels.empty()) << text;
  }
  EXPECT_TRUE(read_ncu_csv("==WARNING== No kernels were profiled.\n").no_kernels);
  EXPECT_EQ(read_ncu_csv("==ERROR== ERR_X - no\n").errors, std::vector<std::string>{"ERR_X - no"});
}

TEST(Ncu, LevelsAskForMoreAndMore) {
  const auto few = counter_names(CounterLevel::kMinimal),
             all = counter_names(CounterLevel::kDeepDive);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), all.begin()));
  EXPECT_GT(all.size(), few.size());
  EXPECT_EQ(counter_level("minimal"), CounterLevel::kMinimal);
  EXPECT_EQ(counter_level("deep_dive"), CounterLevel::kDeepDive);
  EXPECT_EQ(counter_level("roofline"), CounterLevel::kNone);
  for (const CacheMode cache : {CacheMode::kWarm, CacheMode::kCold}) {
    const auto words = ncu_arguments(CounterLevel::kMinimal, cache, "log");
    const auto after = [&](const std::string& word) {
      return *std::next(std::find(words.begin(), words.end(), word));
    };
    EXPECT_EQ(after("--clock-control"), "none") << "the card's clocks are not ours";
    EXPECT_EQ(after("--cache-control"), cache == CacheMode::kWarm ? "none" : "all");
  }
}

TEST(Ncu, TheProfiledProcessTakesNothingElse) {
  EXPECT_THROW(profile_worker_main("/nonexistent"), Error);
}

// A folder with a program called ncu: what it does when it is asked to count. $log: its file.
class FakeNcu : public testing::Test {
 protected:
  FakeNcu() {
    char pattern[] = "/tmp/aisp-ncu-XXXXXX";
    folder_ = mkdtemp(pattern);
    path_ = std::getenv("PATH");
    setenv("PATH", (folder_ + ":" + path_).c_str(), 1);
    job_ = {.lab = "ch06:ilp", .case_name = "x", .size = "smoke", .techniques = {"t"}};
    job_.device = Device::kCuda;
    job_.scratch_folder = folder_;
  }
  ~FakeNcu() override {
    setenv("PATH", path_.c_str(), 1);
    fs::remove_all(folder_);
  }

  CounterProfile when_it_does(const std::string& script, double limit_s = 20.0) {
    const std::string file = folder_ + "/ncu";
    std::ofstream(file) << "#!/bin/sh\n"
                           "if [ \"$1\" = --version ]; then echo called >> \"$0.calls\"; "
                           "echo 'Version 2025.3.1.0 (build 1)'; exit 0; fi\n"
                           "while [ \"$1\" != --log-file ]; do shift; done; log=$2\n"
                        << script << "\n";
    chmod(file.c_str(), 0755);
    return CounterReader(CounterLevel::kMinimal, limit_s).read(job_);
  }

  std::string folder_, path_;
  Job job_;
};

TEST_F(FakeNcu, CountsAreKept) {
  std::ofstream(folder_ + "/rows") << kRows;
  const CounterProfile profile = when_it_does("cat " + folder_ + "/rows > $log");
  EXPECT_EQ(profile.why_not, "");
  EXPECT_EQ(profile.tool, "ncu 2025.3.1.0");
  EXPECT_EQ(profile.level, "minimal");
  EXPECT_EQ(profile.kernels.size(), 1u);
  EXPECT_FALSE(profile.cut);
  const CounterProfile back = profile_from_json(to_json(profile));
  EXPECT_EQ(back.kernels[0].values, profile.kernels[0].values);
  EXPECT_EQ(to_json(back), to_json(profile));
}

TEST_F(FakeNcu, WhatIsInTheWayIsOneLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"echo '==ERROR== ERR_NVGPUCTRPERM - The user does not have permission to access NVIDIA GPU "
       "Performance Counters on the target device 0.' > $log; exit 1",
       "may not read this card's counters (ERR_NVGPUCTRPERM)"},
      {"echo '==ERROR== The application returned an error code (4).' > $log; exit 4",
       "ncu: The application returned an error code (4)."},
      {"echo '==WARNING== No kernels were profiled.' > $log", "launched no kernel"},
      {"echo 'so much, for that' > $log", "no table of counters"},
      {"true", "no table of counters"},
      {"echo 'cannot go on' >&2; exit 3", "exit status 3: cannot go on"},
      {"kill -9 $$", "killed by signal 9"}};
  for (const auto& [script, says] : cases) {
    const CounterProfile profile = when_it_does(script);
    EXPECT_NE(profile.why_not.find(says), std::string::npos) << profile.why_not;
    EXPECT_EQ(profile.why_not.find('\n'), std::string::npos) << profile.why_not;
    EXPECT_TRUE(profile.kernels.empty());
  }
}

TEST_F(FakeNcu, ATableOfACrashedCallIsNotBelieved) {
  std::ofstream(folder_ + "/rows") << kRows;
  const CounterProfile profile = when_it_does("cat " + folder_ + "/rows > $log; exit 1");
  EXPECT_TRUE(profile.kernels.empty());
  EXPECT_NE(profile.why_not, "");
}

TEST_F(FakeNcu, AHangEndsAtTheLimit) {
  const CounterProfile profile = when_it_does("sleep 60 & wait", 0.5);
  EXPECT_NE(profile.why_not.find("no end within 0.5 s"), std::string::npos) << profile.why_not;
}

TEST_F(FakeNcu, WithoutPermissionNobodyIsAskedTwice) {
  when_it_does("");  // writes the program
  std::ofstream(folder_ + "/ncu", std::ios::app)
      << "echo one >> " << folder_ << "/runs; echo '==ERROR== ERR_NVGPUCTRPERM' > $log; exit 1\n";
  CounterReader reader(CounterLevel::kMinimal, 20.0);
  const std::string first = reader.read(job_).why_not;
  EXPECT_EQ(reader.read(job_).why_not, first);
  std::ifstream runs(folder_ + "/runs");
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(runs), {}, '\n'), 1);
}

TEST_F(FakeNcu, NoneAtAllIsSaid) {
  if (access("/usr/local/cuda/bin/ncu", X_OK) == 0) GTEST_SKIP() << "there is one here";
  setenv("PATH", folder_.c_str(), 1);
  const CounterProfile profile = CounterReader(CounterLevel::kDeepDive, 1.0).read(job_);
  EXPECT_NE(profile.why_not.find("no ncu on the PATH"), std::string::npos) << profile.why_not;
  EXPECT_EQ(profile.tool, "");
  EXPECT_EQ(profile.level, "deep_dive");
}

}  // namespace
}  // namespace aisp::bench
