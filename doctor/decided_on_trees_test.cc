// doctor/trees/decided.txt says which items the recorded trees decide. Written anew by
// AISP_WRITE_DECIDED=1 doctor_test --gtest_filter='DecidedOnTrees.*'.
#include "doctor/decided_on_trees.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "doctor/examine.h"

namespace aisp::doctor {
namespace {

TEST(DecidedOnTrees, TheListIsTrue) {
  const std::string folder = AISP_SOURCE_DIR "/doctor/trees";
  std::set<std::string> decided;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    ExamineOptions options;
    options.tree = entry.path().string();
    for (const Row& row : examine(options).rows) {
      const Verdict verdict = row.finding.verdict;
      if (verdict == Verdict::kOk || verdict == Verdict::kWarn || verdict == Verdict::kFail) {
        decided.insert(row.item.id);
      }
    }
  }
  if (std::getenv("AISP_WRITE_DECIDED") != nullptr) {
    std::ofstream file(folder + "/decided.txt");
    for (const auto& id : decided) file << id << '\n';
    GTEST_SKIP() << "written";
  }
  EXPECT_EQ(decided, decided_on_trees());
}

}  // namespace
}  // namespace aisp::doctor
