// The rules about a lab's folder: a whole lab is silent, each missing part is found.
#include <gtest/gtest.h>

#include <string>

#include "tools/tidy/rules.h"
#include "tools/tidy/test_tree.h"

namespace aisp::tidy {
namespace {

Files whole_lab() {
  const std::string folder = "labs/ch07_memory_access/transpose/";
  return {
      {folder + "README.md",
       "# Transpose\n## Question\nDoes it pay to tile?\n## Prediction\nTwice as quick, because\n"
       "## Result\nIt was 2.1 times as quick.\n## Sources\nThe processor's manual, ch. 3.\n"},
      {folder + "lab.cc", "// the lab\n"},
      {folder + "problem.h", "// the problem\n#pragma once\n"},
      {folder + "lab_test.cc", "// tests\n"},
      {folder + "row_walk.cc", "// t\nauto n = \"row_walk\";\n"},
      {folder + "tiled.cc", "// t\nauto n = \"tiled\";\n"}};
}

TEST(Labs, AWholeLabIsSilent) { EXPECT_EQ(broken(check_labs(tree_of(whole_lab()))), ""); }

TEST(Labs, EveryFileIsNeeded) {
  for (std::size_t i = 0; i < whole_lab().size(); ++i) {
    Files files = whole_lab();
    files.erase(files.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_NE(broken(check_labs(tree_of(files))), "") << whole_lab()[i].first;
  }
}

TEST(Labs, TechniqueNameIsFileName) {
  Files files = whole_lab();
  files.back().second = "// t\nauto n = \"tile\";\n";
  EXPECT_EQ(broken(check_labs(tree_of(files))), "labs/ch07_memory_access/transpose/tiled.cc:0");
}

TEST(Labs, SectionsInOrderAndNotEmpty) {
  const std::string readme = "labs/ch07_memory_access/transpose/README.md";
  Files late = whole_lab(), empty = whole_lab(), missing = whole_lab();
  late[0].second =
      "## Question\nDoes it pay to tile?\n## Result\nIt was 2.1 times as quick.\n"
      "## Prediction\nTwice as quick, because\n## Sources\nThe processor's manual, ch. 3.\n";
  EXPECT_EQ(broken(check_labs(tree_of(late))), readme + ":5");
  empty[0].second =
      "## Question\nDoes it pay to tile?\n## Prediction\n\n## Result\nIt was 2.1 times as quick.\n"
      "## Sources\nThe processor's manual, ch. 3.\n";
  EXPECT_EQ(broken(check_labs(tree_of(empty))), readme + ":3");
  missing[0].second = missing[0].second.substr(0, missing[0].second.find("## Sources"));
  EXPECT_EQ(broken(check_labs(tree_of(missing))), readme + ":0");
}

TEST(Labs, FilesOutsideALab) {
  EXPECT_EQ(broken(check_labs(tree_of({{"labs/transpose/lab.cc", ""}}))),
            "labs/transpose/lab.cc:0");
}

}  // namespace
}  // namespace aisp::tidy
