// What a container was granted, on recorded machines.
#include "doctor/inside.h"

#include <gtest/gtest.h>

#include <map>

#include "doctor/checklist.h"
#include "doctor/examine.h"

namespace aisp::doctor {
namespace {

std::map<std::string, std::string> granted_on(const std::string& tree) {
  const auto evidence = recorded_evidence(AISP_SOURCE_DIR "/doctor/trees/" + tree);
  std::map<std::string, std::string> all;
  for (const Reading& reading : granted(*evidence)) all[reading.source] = reading.value;
  return all;
}

TEST(Inside, EveryItemIsOnTheChecklist) {
  for (const std::string& id : inside_items()) EXPECT_NE(find_item(id), nullptr) << id;
}

TEST(Inside, APodWithProcessorsOfItsOwn) {
  auto pod = granted_on("container_limits");
  EXPECT_EQ(pod["container"], "kubernetes");
  EXPECT_EQ(pod["control groups"], "version 2");
  EXPECT_NE(pod["processors"].find("8 of 16: a set of its own"), std::string::npos);
  EXPECT_NE(pod["processor time"].find("1.5 processors' worth"), std::string::npos);
  EXPECT_NE(pod["memory"].find("16 GiB"), std::string::npos);
  EXPECT_EQ(pod["NVIDIA_VISIBLE_DEVICES"], "all");
}

TEST(Inside, AnEmptyMachineSaysWhatIsNotSeen) {
  auto broken = granted_on("broken");
  EXPECT_FALSE(broken["container"].empty());
  EXPECT_FALSE(broken["processor time"].empty());
}

TEST(Inside, OnlyItsItemsAreExamined) {
  ExamineOptions options;
  options.tree = AISP_SOURCE_DIR "/doctor/trees/container_limits";
  options.inside = true;
  options.items = inside_items();
  const Examination found = examine(options);
  EXPECT_EQ(found.rows.size(), inside_items().size());
  EXPECT_FALSE(found.granted.empty());
}

}  // namespace
}  // namespace aisp::doctor
