// Names to labs and techniques, and the nearest name for unknown ones.
#include "bench/select.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace aisp::bench {
namespace {

std::vector<KnownLab> labs() {
  const auto make = [](const char* chapter, const char* name, std::vector<std::string> targets,
                       std::vector<std::string> tags) {
    KnownLab known;
    known.entry = {chapter, name, "labs/x", "hash", nullptr};
    known.name = std::string(chapter) + ":" + name;
    known.lab.targets = std::move(targets);
    known.lab.tags = std::move(tags);
    known.lab.baseline = "plain";
    for (const char* technique : {"plain", "tiled", "tiled_simd"}) {
      Technique one;
      one.name = technique;
      known.lab.techniques.push_back(one);
    }
    Technique peer;
    peer.name = "onednn";
    peer.role = Role::kPeer;
    known.lab.techniques.push_back(peer);
    return known;
  };
  return {make("ch06", "ilp", {"ch06:gemm_ilp"}, {"compute"}),
          make("ch07", "transpose", {"ch07:transpose", "ch07:transpose_padded"}, {"memory"}),
          make("ch07", "copy", {"ch07:copy_scalar"}, {"memory"})};
}

std::vector<std::string> names(const std::vector<KnownLab>& selected) {
  std::vector<std::string> result;
  for (const auto& lab : selected) result.push_back(lab.name);
  return result;
}

using Names = std::vector<std::string>;

TEST(Select, TargetsLabsChaptersGlobsTags) {
  const auto all = labs();
  EXPECT_EQ(names(select_labs(all, {})).size(), 3u);
  EXPECT_EQ(names(select_labs(all, {"ch07:transpose_padded"})), Names{"ch07:transpose"});
  EXPECT_EQ(names(select_labs(all, {"ch07"})), (Names{"ch07:transpose", "ch07:copy"}));
  EXPECT_EQ(names(select_labs(all, {"ch0[67]:*p*"})).size(), 3u);
  EXPECT_EQ(names(select_labs(all, {"tag:memory"})), (Names{"ch07:transpose", "ch07:copy"}));
  // A lab that two names mean runs once, in chapter order.
  EXPECT_EQ(names(select_labs(all, {"ch07:copy", "ch07", "ch06"})).size(), 3u);
}

TEST(Select, UnknownNamesSuggestTheNearest) {
  try {
    select_labs(labs(), {"ch07:transpos"});
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_NE(std::string(problem.what()).find("did you mean ch07:transpose?"), std::string::npos);
  }
  auto all = labs();
  EXPECT_THROW(select_techniques(all, {"tield"}, false), UsageError);
}

TEST(Select, BaselineStaysAndPeersComeWhenAsked) {
  auto all = labs();
  select_techniques(all, {}, false);
  EXPECT_EQ(all[0].lab.techniques.size(), 3u);
  all = labs();
  select_techniques(all, {}, true);
  EXPECT_EQ(all[0].lab.techniques.size(), 4u);
  all = labs();
  select_techniques(all, {"tiled_*", "onednn"}, false);
  ASSERT_EQ(all[0].lab.techniques.size(), 3u);
  EXPECT_EQ(all[0].lab.techniques[0].name, "plain");
  EXPECT_EQ(all[0].lab.techniques[2].name, "onednn");
}

TEST(Select, CasesByNameOrTheFirstOfEachLab) {
  const auto with_cases = [] {
    auto all = labs();
    for (KnownLab& lab : all) lab.lab.cases = {{"hidden", "", {}, {}}, {"logits", "", {}, {}}};
    return all;
  };
  auto all = with_cases();
  select_cases(all, {});
  EXPECT_EQ(all[0].lab.cases.size(), 2u);
  select_cases(all, {"first"});
  ASSERT_EQ(all[2].lab.cases.size(), 1u);
  EXPECT_EQ(all[2].lab.cases[0].name, "hidden");
  all = with_cases();
  select_cases(all, {"logi*"});
  ASSERT_EQ(all[1].lab.cases.size(), 1u);
  EXPECT_EQ(all[1].lab.cases[0].name, "logits");
  EXPECT_THROW(select_cases(all, {"hiden"}), UsageError);
}

TEST(Select, TheFirstCaseIsTheFirstOfTheDevice) {
  auto all = labs();
  for (KnownLab& lab : all) {
    lab.lab.cases = {{.name = "hidden"}, {.name = "hidden_gpu", .device = Device::kCuda}};
  }
  select_cases(all, {"first"}, "cuda");
  ASSERT_EQ(all[0].lab.cases.size(), 1u);
  EXPECT_EQ(all[0].lab.cases[0].name, "hidden_gpu");
}

TEST(Select, ALongCaseRunsOnlyWhenNamed) {
  const auto with_cases = [] {
    auto all = labs();
    for (KnownLab& lab : all) {
      lab.lab.cases = {{.name = "hidden"}, {.name = "whole_prompt", .when_named = true}};
    }
    return all;
  };
  auto all = with_cases();
  select_cases(all, {});
  ASSERT_EQ(all[0].lab.cases.size(), 1u);
  EXPECT_EQ(all[0].lab.cases[0].name, "hidden");
  all = with_cases();
  select_cases(all, {"whole*"});
  ASSERT_EQ(all[0].lab.cases.size(), 1u);
  EXPECT_EQ(all[0].lab.cases[0].name, "whole_prompt");
}

}  // namespace
}  // namespace aisp::bench
