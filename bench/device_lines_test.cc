// What a record says of a GPU that is not what it should be: too little memory, a slice of a card,
// somebody else on it, a clock held down. On devices and records made by hand.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/describe.h"
#include "bench/judge.h"

namespace aisp::bench {
namespace {

Lab big_lab() {
  Lab lab;
  lab.device_baseline = "plain";
  lab.techniques = {{.name = "plain", .device = Device::kCuda}};
  lab.problem = [](const Params& p) {
    return Problem{{{"x", DType::kF32, {p["count"]}}}, {{"y", DType::kF32, {p["count"]}}}};
  };
  return lab;
}

TEST(DeviceLines, TooLittleMemoryIsAReason) {
  const Lab lab = big_lab();
  machine::CudaDevice small = machine::described_h200();
  small.name = "NVIDIA H200 MIG 1g.18gb";
  small.memory_bytes = std::size_t{16} << 30;
  const Params fits = {{"count", 1 << 28}};       // 1 GiB in and out: 2 sets, copies, references
  const Params too_big = {{"count", 1ll << 30}};  // 4 GiB each
  EXPECT_EQ(too_little_memory(lab, fits, CacheMode::kWarm, small), "");
  EXPECT_EQ(too_little_memory(lab, too_big, CacheMode::kWarm, small),
            "needs 40.5 GiB of device memory, NVIDIA H200 MIG 1g.18gb has 16.0");
  EXPECT_EQ(too_little_memory(lab, too_big, CacheMode::kWarm, machine::described_h200()), "");
  // Reads that must miss take turns through copies of the input: 18.5 GiB in place of 15.5.
  const Params near = {{"count", 3 << 27}};
  EXPECT_EQ(too_little_memory(lab, near, CacheMode::kWarm, small), "");
  EXPECT_NE(too_little_memory(lab, near, CacheMode::kCold, small), "");
}

std::vector<std::string> labels(const DeviceVitals& vitals, bool mig_slice) {
  CaseResult result;
  result.device = "cuda";
  result.cache = "warm";
  result.baseline = "plain";
  TechniqueResult technique;
  technique.name = "plain";
  technique.device = "cuda";
  technique.outcome = Outcome::kOk;
  result.techniques = {technique};
  ProcessRecord process;
  process.device = vitals;
  process.series["plain"].wall_ns.assign(64, 1e5);
  process.series["plain"].cpu_ns.assign(64, 1e5);
  result.processes = {process};
  judge_case(result, big_lab(), {}, {}, {.mig_slice = mig_slice});
  return result.techniques.front().labels;
}

bool has(const std::vector<std::string>& labels, const char* label) {
  return std::count(labels.begin(), labels.end(), label) == 1;
}

TEST(DeviceLines, ASharedOrSlowedCardIsLabelled) {
  const auto alone = labels({}, false);
  for (const char* label : {"shared GPU", "throttled", "MIG slice"})
    EXPECT_FALSE(has(alone, label));
  EXPECT_TRUE(has(labels({.other_processes = 1}, false), "shared GPU"));
  EXPECT_TRUE(has(labels({.throttle_reasons = 4}, false), "throttled"));
  EXPECT_TRUE(has(labels({}, true), "MIG slice"));
}

}  // namespace
}  // namespace aisp::bench
