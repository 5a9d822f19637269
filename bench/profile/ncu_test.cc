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

std::string recorded(const char* name) {
  std::ifstream file(std::string(AISP_SOURCE_DIR "/bench/profile/testdata/") + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

// ncu 2025.3.1 --set full on an H200, columns that nobody reads left out: an addition, a transpose
// with strided writes, by tiles without and with padding, and products by the tensor cores.
TEST(NcuCsv, ReadsWhatNcuPrintedOnACard) {
  const NcuOutput out = read_ncu_csv(recorded("ncu_full_h200.csv"));
  ASSERT_EQ(out.kernels.size(), 5u);
  const KernelCounters &add = out.kernels[0], &strided = out.kernels[1], &tile = out.kernels[2],
                       &padded = out.kernels[3], &products = out.kernels[4];
  EXPECT_EQ(add.kernel, "add_rows(const float *, const float *, float *, long)");
  EXPECT_EQ(add.grid, "(65536, 1, 1)");
  EXPECT_DOUBLE_EQ(add.value("dram__bytes_read.sum"), 134230272.0);
  const auto stores = [](const KernelCounters& one) {
    return one.value("l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum") /
           one.value("l1tex__t_requests_pipe_lsu_mem_global_op_st.sum");
  };
  EXPECT_DOUBLE_EQ(stores(add), 4.0);
  EXPECT_NEAR(stores(strided), 32.0, 0.05);
  const char* conflicts = "l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum";
  EXPECT_GT(tile.value(conflicts), 100.0 * padded.value(conflicts));
  EXPECT_GT(products.value("sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active"), 90.0);
  EXPECT_TRUE(std::isnan(add.value("derived_tempMetric4")));  // it printed nan
  EXPECT_TRUE(out.errors.empty());
  // The full set lacks five of the names that a deep dive asks for beside it.
  for (const KernelCounters& one : out.kernels) {
    std::size_t there = 0;
    const auto names = counter_names(CounterLevel::kDeepDive);
    for (const std::string& name : names) there += std::isfinite(one.value(name)) ? 1 : 0;
    EXPECT_EQ(there + 5, names.size());
  }
  EXPECT_TRUE(read_ncu_csv(recorded("ncu_no_kernels_h200.csv")).no_kernels);
}

// Cut anywhere, damaged anywhere: fewer kernels, never a crash.
TEST(NcuCsv, DamagedTablesAreRead) {
  const std::string whole = recorded("ncu_full_h200.csv");
  for (std::size_t i = 0; i < whole.size(); i += 97) {
    EXPECT_LE(read_ncu_csv(std::string_view(whole).substr(0, i)).kernels.size(), 5u);
    std::string damaged = whole;
    damaged[i] = i % 2 == 0 ? '"' : '\n';
    EXPECT_LE(read_ncu_csv(damaged).kernels.size(), 5u);
  }
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
    const auto words = ncu_arguments(CounterLevel::kMinimal, cache, "log", "");
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

TEST_F(FakeNcu, MoreLaunchesThanAreKeptAreSaid) {
  const std::string rows = kRows;
  const auto profile_of = [&](int launches) {
    std::ofstream out(folder_ + "/rows");
    out << rows;
    for (int i = 1; i < launches; ++i) {
      out << '"' << i << R"row(","7","tile","(32, 8, 1)","(8, 8, 1)","1,067.5","20.5","None")row";
      out << '\n';
    }
    out.close();
    return when_it_does("cat " + folder_ + "/rows > $log");
  };
  const int most = most_launches(CounterLevel::kMinimal);
  EXPECT_FALSE(profile_of(most).cut);
  EXPECT_EQ(profile_of(most).kernels.size(), static_cast<std::size_t>(most));
  EXPECT_TRUE(profile_of(most + 1).cut);
  EXPECT_EQ(profile_of(most + 1).kernels.size(), static_cast<std::size_t>(most));
}

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
