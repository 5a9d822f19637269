// Which lab answers which item, and what it found.
#include "doctor/lab_items.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "doctor/fake_evidence.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

std::string all_labs_source() {
  std::string text;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::string(AISP_SOURCE_DIR) + "/labs")) {
    if (entry.path().filename() == "lab.cc") {
      text += machine::read_text(entry.path().string()).value_or("");
    }
  }
  return text;
}

TEST(LabItems, AreItemsOfKindLabAndTargetsOfLabs) {
  const std::string labs = all_labs_source();
  ASSERT_FALSE(labs.empty());
  std::set<std::string> seen;
  for (const LabItem& row : lab_items()) {
    const Item* const item = find_item(row.id);
    ASSERT_NE(item, nullptr) << row.id;
    EXPECT_EQ(item->kind, Kind::kLab) << row.id;
    EXPECT_TRUE(seen.insert(row.id).second) << row.id << " twice";
    EXPECT_NE(labs.find(fmt::format("\"{}\"", row.target)), std::string::npos) << row.target;
  }
}

TEST(LabItems, TellTheNewestResult) {
  const auto tree =
      recorded_evidence(std::string(AISP_SOURCE_DIR) + "/doctor/trees/benchmark_host");
  const Finding finding = lab_finding(*find_item("pattern-copy-transpose"), *tree);
  EXPECT_EQ(finding.verdict, Verdict::kListed);
  EXPECT_NE(finding.says.find("stream_avx512"), std::string::npos) << finding.says;
  EXPECT_NE(finding.says.find("of row_walk"), std::string::npos) << finding.says;
}

TEST(LabItems, SayHowToGetOneOrThatThereIsNone) {
  const FakeEvidence nothing;
  const Finding unrun = lab_finding(*find_item("flash-attention"), nothing);
  EXPECT_NE(unrun.cost.find("--targets ch10:flash_attention"), std::string::npos);
  const Finding none = lab_finding(*find_item("bulk-async-copy"), nothing);
  EXPECT_TRUE(none.says.starts_with("no lab yet")) << none.says;
}

TEST(LabItems, LeaveOutDamagedLinesAndUncheckedRuns) {
  FakeEvidence evidence;
  evidence.links["/proc/self/cwd"] = "/w";
  evidence.files["/w/artifacts/a/run.json"] = "{}";
  evidence.files["/w/artifacts/a/results.jsonl"] = "{\"targets\": [\"ch10:flash_attention\"]}";
  const Finding finding = lab_finding(*find_item("flash-attention"), evidence);
  EXPECT_NE(finding.says.find("not run yet"), std::string::npos) << finding.says;
}

}  // namespace
}  // namespace aisp::doctor
