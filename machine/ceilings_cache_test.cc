// The cache of the ceilings must be found, replaced as a whole, and survive whatever lies in its
// folder. Measures a processor small enough that each time takes a fraction of a second.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "machine/ceilings.h"
#include "machine/costs.h"
#include "machine/environment.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

namespace fs = std::filesystem;

// Small enough that measuring takes a fraction of a second: no wide kernels, one thread, few
// levels.
Cpu small_cpu() {
  Cpu c;
  c.vendor = c.model = "Test";
  c.architecture = "none";
  c.data_caches = {{1, 32 << 10, 8, 64, 1}, {2, 256 << 10, 8, 64, 1}};
  c.memory_bytes = std::size_t{1} << 28;  // memory's share: 16 MiB
  return c;
}

// Of another machine, with another number of threads.
Ceilings foreign() {
  Ceilings c;
  c.hardware_key = "foreign";
  c.compute = {{"scalar", DType::kF32, 1, {10, 9, 11}, 12},
               {"scalar", DType::kF32, 4, {40, 36, 44}, 46}};
  c.bandwidth = {{1, "read", 1, 16384, {200, 190, 210}, 220}};
  return c;
}

class CeilingsCache : public testing::Test {
 protected:
  void SetUp() override {
    root_ =
        fs::temp_directory_path() / ("aisp_ceilings_" + std::to_string(getpid()) + "_" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    for (const char* name : {"AISP_CACHE_DIR", "XDG_CACHE_HOME", "HOME"}) {
      const char* value = getenv(name);
      saved_.emplace_back(name, value == nullptr ? "" : value);
    }
    setenv("AISP_CACHE_DIR", root_.c_str(), 1);
    options_.seconds = 0.05;
  }
  void TearDown() override {
    for (const auto& [name, value] : saved_) {
      value.empty() ? unsetenv(name.c_str()) : setenv(name.c_str(), value.c_str(), 1);
    }
    fs::remove_all(root_);
  }
  std::string path() const { return ceilings_cache_path(small_cpu()); }
  static bool stores() {
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
  }
  void plant(const std::string& text) const {
    fs::create_directories(root_);
    std::ofstream(path()) << text;
  }

  fs::path root_;
  std::vector<std::pair<std::string, std::string>> saved_;
  CeilingOptions options_;
};

TEST_F(CeilingsCache, FollowsItsVariables) {
  const std::string file = "ceilings-" + hardware_key(small_cpu()) + ".json";
  EXPECT_EQ(path(), (root_ / file).string());
  unsetenv("AISP_CACHE_DIR");
  setenv("XDG_CACHE_HOME", "/x", 1);
  EXPECT_EQ(path(), "/x/aisp/" + file);
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", "/h", 1);
  EXPECT_EQ(path(), "/h/.cache/aisp/" + file);
  unsetenv("HOME");
  EXPECT_EQ(path(), "");
}

TEST_F(CeilingsCache, IsWrittenOnceAndReadBack) {
  if (!stores()) GTEST_SKIP() << "this build does not store what it measures";
  const Ceilings first = load_or_measure_ceilings(small_cpu(), options_);
  ASSERT_TRUE(fs::exists(path()));
  EXPECT_EQ(to_json(load_or_measure_ceilings(small_cpu(), options_)), to_json(first));
  const Ceilings again = load_or_measure_ceilings(small_cpu(), options_, true);
  EXPECT_NE(to_json(again), to_json(first));  // dozens of medians of other epochs
  EXPECT_EQ(to_json(ceilings_from_json(read_text(path()).value())), to_json(again));
  for (const auto& entry : fs::directory_iterator(root_)) {
    EXPECT_FALSE(entry.path().string().ends_with(".tmp")) << entry.path();
  }
}

TEST_F(CeilingsCache, WhatDoesNotFitIsMeasuredAgain) {
  const Ceilings other_machine = foreign();
  Ceilings other_cores = foreign();
  other_cores.hardware_key = hardware_key(small_cpu());  // its entries are of 1 and 4 threads
  for (const std::string& text : {std::string("garbage {"), std::string(), to_json(other_machine),
                                  to_json(other_cores), to_json(foreign()).substr(0, 300)}) {
    plant(text);
    const Ceilings ceilings = load_or_measure_ceilings(small_cpu(), options_);
    EXPECT_EQ(ceilings.hardware_key, hardware_key(small_cpu()));
    ASSERT_FALSE(ceilings.compute.empty());
    EXPECT_EQ(ceilings.compute[0].threads, 1);
    const std::string stored = read_text(path()).value();
    EXPECT_EQ(stored, stores() ? to_json(ceilings) + "\n" : text);
  }
}

TEST_F(CeilingsCache, OnlyCachedNeverMeasures) {
  options_.only_cached = true;
  EXPECT_TRUE(load_or_measure_ceilings(small_cpu(), options_).empty());
  EXPECT_FALSE(fs::exists(path()));
  Ceilings stored = foreign();
  stored.hardware_key = hardware_key(small_cpu());
  stored.compute.pop_back();  // leaves the entry of one thread
  plant(to_json(stored));
  EXPECT_EQ(to_json(load_or_measure_ceilings(small_cpu(), options_)), to_json(stored));
}

TEST_F(CeilingsCache, AFolderThatCannotBeWrittenIsNoError) {
  fs::create_directories(root_);
  std::ofstream(root_ / "file") << "not a folder";
  setenv("AISP_CACHE_DIR", (root_ / "file" / "below").c_str(), 1);  // fails for root as well
  EXPECT_FALSE(load_or_measure_ceilings(small_cpu(), options_).empty());
  setenv("AISP_CACHE_DIR", "/proc/aisp", 1);
  EXPECT_FALSE(load_or_measure_ceilings(small_cpu(), options_).empty());
  for (const char* name : {"AISP_CACHE_DIR", "XDG_CACHE_HOME", "HOME"}) unsetenv(name);
  EXPECT_FALSE(load_or_measure_ceilings(small_cpu(), options_).empty());
}

TEST_F(CeilingsCache, CostsAreASectionThatCeilingsKeepAndTheOtherWayRound) {
  if (!stores()) GTEST_SKIP() << "this build does not store what it measures";
  CostOptions how;
  how.seconds = 0.2;
  how.disk_folder = "/nowhere/at/all";  // a reason in place of rows: quick
  const Costs costs = load_or_measure_costs(small_cpu(), how);
  EXPECT_EQ(to_json(load_or_measure_costs(small_cpu(), how)), to_json(costs));
  options_.only_cached = true;
  EXPECT_TRUE(load_or_measure_ceilings(small_cpu(), options_).empty());  // only costs were measured
  options_.only_cached = false;
  const Ceilings ceilings = load_or_measure_ceilings(small_cpu(), options_);
  EXPECT_EQ(to_json(load_or_measure_costs(small_cpu(), how)), to_json(costs));
  store_ceilings(small_cpu(), ceilings);
  EXPECT_EQ(to_json(load_or_measure_costs(small_cpu(), how)), to_json(costs));
  const Costs again = load_or_measure_costs(small_cpu(), how, true);
  EXPECT_NE(to_json(again), to_json(costs));
  EXPECT_EQ(to_json(load_or_measure_ceilings(small_cpu(), options_)), to_json(ceilings));
  how.disk_folder = "/nowhere/else";  // another disk is asked for
  EXPECT_EQ(load_or_measure_costs(small_cpu(), how).disk_folder, "/nowhere/else");
  how.disk_folder.clear();  // no disk is asked for: what was measured is shown
  EXPECT_EQ(load_or_measure_costs(small_cpu(), how).disk_folder, "/nowhere/else");
  // A file of the version before has no costs and is measured again as a whole.
  std::string old = read_text(path()).value();
  old.replace(old.find("\"schema_version\": 3"), 19, "\"schema_version\": 2");
  plant(old);
  options_.only_cached = true;
  EXPECT_TRUE(load_or_measure_ceilings(small_cpu(), options_).empty());
  how.disk_folder = "/nowhere/at/all";
  EXPECT_NE(to_json(load_or_measure_costs(small_cpu(), how)), to_json(again));
}

TEST_F(CeilingsCache, AFolderInThePlaceOfTheFileIsNoError) {
  fs::create_directories(path());
  EXPECT_FALSE(load_or_measure_ceilings(small_cpu(), options_).empty());
}

}  // namespace
}  // namespace aisp::machine
