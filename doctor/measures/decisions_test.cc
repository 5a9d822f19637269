// Every measure's decision, on what was recorded of a machine in order and of one with faults.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "doctor/checklist.h"
#include "doctor/fake_evidence.h"
#include "doctor/probe.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

Json recorded(const char* tree, const std::string& id) {
  const std::string path =
      fmt::format("{}/doctor/trees/{}/measured/{}.json", AISP_SOURCE_DIR, tree, id);
  const auto text = machine::read_text(path);
  if (!text) {
    ADD_FAILURE() << path << " is missing";
    return nullptr;
  }
  return Json::parse(*text);
}

TEST(Measures, AreItemsOfKindMeasureOnceEach) {
  std::set<std::string> seen;
  for (const Measure& measure : measures()) {
    const Item* const item = find_item(measure.id);
    ASSERT_NE(item, nullptr) << measure.id;
    EXPECT_EQ(item->kind, Kind::kMeasure) << measure.id;
    EXPECT_TRUE(seen.insert(measure.id).second) << measure.id << " twice";
  }
  EXPECT_GE(seen.size(), 60U);
}

TEST(Measures, HoldOnAMachineInOrder) {
  const FakeEvidence nothing;
  for (const Measure& measure : measures()) {
    const Finding finding = measure.decide(nothing, recorded("dgx_h100", measure.id));
    EXPECT_EQ(finding.verdict, Verdict::kOk) << measure.id << ": " << finding.says;
    EXPECT_FALSE(finding.says.empty()) << measure.id;
  }
}

TEST(Measures, FireOnAMachineWithFaults) {
  const FakeEvidence nothing;
  for (const Measure& measure : measures()) {
    const Finding finding = measure.decide(nothing, recorded("bad_node", measure.id));
    EXPECT_TRUE(finding.verdict == Verdict::kWarn || finding.verdict == Verdict::kFail)
        << measure.id << ": " << finding.says;
    EXPECT_FALSE(finding.evidence.empty()) << measure.id;
  }
}

// Every field of a recording in turn is taken away or made nonsense: no crash, no invented fault.
TEST(Measures, SurviveDamagedRecordings) {
  const FakeEvidence nothing;
  for (const Measure& measure : measures()) {
    for (const Json& garbage : {Json(nullptr), Json(7), Json::array(), Json::object(), Json("x")}) {
      const Finding finding = measure.decide(nothing, garbage);
      EXPECT_EQ(finding.verdict, Verdict::kCannotSee) << measure.id << ": " << finding.says;
    }
    const Json whole = recorded("dgx_h100", measure.id);
    for (const auto& [key, ignored] : whole.items()) {
      for (const Json& garbage : {Json(nullptr), Json(-1), Json::array(), Json::object()}) {
        Json damaged = whole;
        damaged[key] = garbage;
        EXPECT_FALSE(measure.decide(nothing, damaged).says.empty()) << measure.id << " " << key;
      }
      Json without = whole;
      without.erase(key);
      EXPECT_FALSE(measure.decide(nothing, without).says.empty()) << measure.id << " " << key;
    }
  }
}

// With nothing given and no machine to see, each says in words what it would need.
TEST(Measures, SayWhatTheyNeed) {
  const FakeEvidence nothing;
  const std::set<std::string> kFree = {"os-jitter",        "softirq-theft",   "scaling-efficiency",
                                       "memory-hierarchy", "hugepage-jitter", "host-paging",
                                       "disk-saturation",  "nic-throughput",  "smt-benefit"};
  for (const Measure& measure : measures()) {
    if (kFree.contains(measure.id)) continue;
    EXPECT_FALSE(measure.needs(nothing).empty()) << measure.id;
  }
}

}  // namespace
}  // namespace aisp::doctor
