// Runs the real program on every planted attack on the GPU, as bench/attacks does for the CPU's;
// and what is no accusation: work that counts though it tried not to, a lost device, too little
// memory, a card that is not there. Suites named *Cuda need a card.
#include <gtest/gtest.h>

#include <set>

#include "bench/attacks/attack_fixture.h"
#include "bench/checks.h"
#include "bench/device_attacks/rows.h"
#include "bench/lab_table.h"
#include "machine/device.h"

namespace aisp::bench {
namespace {

constexpr const char* kChapter = "device_attacks";

class DeviceFixture : public AttackFixture {
 protected:
  void SetUp() override {
    if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
    AttackFixture::SetUp();
  }
  // The one case of a lab of the module.
  CaseResult run_lab(const std::string& lab, const Words& more, Ended& ended) {
    Words words = {"--profile", "none"};
    words.insert(words.end(), more.begin(), more.end());
    const auto results =
        attack(AISP_DEVICE_ATTACKS, std::string(kChapter) + ":" + lab, words, 120.0, ended);
    return results.size() == 1 ? results.front() : CaseResult{};
  }
};

class AttacksCuda : public DeviceFixture, public testing::WithParamInterface<Row> {};

TEST_P(AttacksCuda, IsCaughtAndItsTwinIsNot) {
  expect_caught(AISP_DEVICE_ATTACKS, kChapter, GetParam());
}

TEST_P(AttacksCuda, PassesWithoutTheCheck) {
  expect_passes(AISP_DEVICE_ATTACKS, kChapter, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Planted, AttacksCuda, testing::ValuesIn(device_rows()),
                         [](const auto& info) { return std::string(info.param.attack); });

TEST(DeviceAttackTable, EveryCheckIsOne) {
  std::set<std::string> known;
  for (const CheckInfo& check : all_checks()) known.insert(check.name);
  for (const Row& row : device_rows()) EXPECT_EQ(known.count(row.check), 1u) << row.check;
}

TEST(DeviceAttackTable, EveryAttackIsInTheTable) {
  std::set<std::string> listed = {"unforked_stream", "takes_all_memory"}, built;
  for (const Row& row : device_rows()) EXPECT_TRUE(listed.insert(row.attack).second) << row.attack;
  for (const LabEntry& lab : load_lab_module(AISP_DEVICE_ATTACKS)) built.insert(lab.name);
  EXPECT_EQ(listed, built);
}

using DeviceTimeCuda = DeviceFixture;

// Work that does not wait for the timed stream runs while that is held back, and costs nothing: so
// it looks with the rest of the device left free (check `hold` off). While a stream is held the
// whole device is, and the same work takes its time, about 70 us as in the twin. An epoch has three
// such calls, the first of which is hidden: a third of the time.
TEST_F(DeviceTimeCuda, WorkThatDoesNotWaitForTheStreamCounts) {
  Ended ended;
  const CaseResult held = run_lab("unforked_stream", {}, ended);
  ASSERT_NE(find(held, "cheat"), nullptr) << ended.output;
  const TechniqueResult &cheat = *find(held, "cheat"), &honest = *find(held, "honest");
  EXPECT_EQ(cheat.outcome, Outcome::kOk) << told(cheat);
  EXPECT_GT(cheat.time_ns.estimate, 0.9 * honest.time_ns.estimate);
  const CaseResult free = run_lab("unforked_stream", {"--without-check", "hold"}, ended);
  ASSERT_NE(find(free, "cheat"), nullptr) << ended.output;
  EXPECT_LT(find(free, "cheat")->time_ns.estimate, 0.85 * find(free, "honest")->time_ns.estimate);
}

TEST_F(DeviceTimeCuda, TheRecordSaysHowCallsWereMade) {
  Ended ended;
  const CaseResult replayed = run_lab("skipped_rows", {"--graph", "--cache", "cold"}, ended);
  ASSERT_NE(find(replayed, "honest"), nullptr) << ended.output;
  EXPECT_TRUE(replayed.graph);
  EXPECT_EQ(replayed.cache, "cold");
  const auto& labels = find(replayed, "honest")->labels;
  for (const char* label : {"graph replay", "cold cache"}) {
    EXPECT_EQ(std::count(labels.begin(), labels.end(), label), 1) << label;
  }
  const CaseResult launched = run_lab("skipped_rows", {}, ended);
  ASSERT_NE(find(launched, "honest"), nullptr) << ended.output;
  const auto& others = find(launched, "honest")->labels;
  EXPECT_EQ(std::count(others.begin(), others.end(), "graph replay"), 0);
  EXPECT_EQ(std::count(others.begin(), others.end(), "warm cache"), 1);
}

using DeviceFaultsCuda = DeviceFixture;

// Everybody but the culprit has a time, and its row says in one line what happened.
void expect_cost_one(const CaseResult& result, const Ended& ended, const std::string& detector,
                     const std::string& says) {
  ASSERT_NE(find(result, "cheat"), nullptr) << ended.output;
  const TechniqueResult& cheat = *find(result, "cheat");
  EXPECT_EQ(cheat.outcome, Outcome::kFailed) << told(cheat);
  EXPECT_EQ(cheat.detector, detector) << told(cheat);
  EXPECT_NE(cheat.reason.find(says), std::string::npos) << told(cheat);
  EXPECT_EQ(cheat.reason.find('\n'), std::string::npos) << told(cheat);
  for (const char* name : {"plain", "honest"}) {
    ASSERT_NE(find(result, name), nullptr) << ended.output;
    EXPECT_TRUE(accepted(*find(result, name))) << told(*find(result, name));
    EXPECT_GT(find(result, name)->time_ns.estimate, 0.0) << name;
  }
  EXPECT_EQ(ended.code, 3) << ended.output;
}

TEST_F(DeviceFaultsCuda, AnIllegalAddressCostsOneTechnique) {
  Ended ended;
  const CaseResult result = run_lab("illegal_address", {}, ended);
  expect_cost_one(result, ended, "isolation", "illegal memory access");
}

TEST_F(DeviceFaultsCuda, AFailedAssertCostsOneTechnique) {
  Ended ended;
  const CaseResult result = run_lab("failed_assert", {}, ended);
  expect_cost_one(result, ended, "isolation", "assert");
  EXPECT_NE(find(result, "cheat")->last_output.find("holds"), std::string::npos);
}

TEST_F(DeviceFaultsCuda, TooLittleMemoryCostsOneTechnique) {
  Ended ended;
  const CaseResult result = run_lab("takes_all_memory", {}, ended);
  expect_cost_one(result, ended, "memory-limit", "out of device memory during verification");
  EXPECT_NE(find(result, "cheat")->reason.find("GiB are free"), std::string::npos);
}

// After a lost context the next labs run.
TEST_F(DeviceFaultsCuda, TheRunGoesOn) {
  Ended ended;
  const auto results = attack(AISP_DEVICE_ATTACKS,
                              "device_attacks:illegal_address,"
                              "device_attacks:skipped_rows",
                              {"--profile", "none"}, 120.0, ended);
  ASSERT_EQ(results.size(), 2u) << ended.output;
  EXPECT_TRUE(accepted(*find(results[1], "honest"))) << ended.output;
}

// Another device than there is, or none: every technique is listed with the one reason.
TEST_F(DeviceFaultsCuda, VisibleDevicesThatLeaveNone) {
  for (const char* visible : {"", "99", "GPU-nobody", "-1"}) {
    setenv("CUDA_VISIBLE_DEVICES", visible, 1);
    Ended ended;
    const CaseResult result = run_lab("skipped_rows", {}, ended);
    unsetenv("CUDA_VISIBLE_DEVICES");
    ASSERT_NE(find(result, "plain"), nullptr) << ended.output;
    EXPECT_EQ(find(result, "plain")->outcome, Outcome::kSkipped) << visible;
    EXPECT_EQ(find(result, "plain")->reason,
              "CUDA_VISIBLE_DEVICES=\"" + std::string(visible) + "\" leaves no GPU");
    EXPECT_EQ(ended.code, 0) << ended.output;
  }
}

}  // namespace
}  // namespace aisp::bench
