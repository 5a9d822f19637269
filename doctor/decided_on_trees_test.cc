// doctor/trees/decided.txt must say what the recorded trees decide, no more and no less. After a
// new probe or tree, write it again:
//   AISP_REWRITE_DECIDED=1 build/doctor_test --gtest_filter='DecidedOnTrees.*'
#include "doctor/decided_on_trees.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "doctor/examine.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

const std::string kTrees = AISP_SOURCE_DIR "/doctor/trees";

std::set<std::string> ids_that_trees_decide() {
  std::set<std::string> ids;
  for (const auto& entry : std::filesystem::directory_iterator(kTrees)) {
    if (!std::filesystem::exists(entry.path() / "tree.json")) continue;
    ExamineOptions options;
    options.tree = entry.path();
    options.probe_limit_s = 10.0;
    for (const Row& row : examine(options).rows) {
      const Verdict verdict = row.finding.verdict;
      if (verdict == Verdict::kOk || verdict == Verdict::kWarn || verdict == Verdict::kFail) {
        ids.insert(row.item.id);
      }
    }
  }
  return ids;
}

TEST(DecidedOnTrees, IsWhatTheTreesDecide) {
  const std::set<std::string> decided = ids_that_trees_decide();
  const std::string file = kTrees + "/decided.txt";
  if (std::getenv("AISP_REWRITE_DECIDED") != nullptr) {
    std::ofstream out(file);
    for (const std::string& id : decided) out << id << '\n';
  }
  const std::string text = machine::read_text(file).value_or("");
  std::set<std::string> listed;
  for (const auto line : machine::split(text, '\n')) {
    if (!line.empty()) listed.emplace(line);
  }
  for (const std::string& id : decided) EXPECT_TRUE(listed.contains(id)) << id << " is not listed";
  for (const std::string& id : listed) EXPECT_TRUE(decided.contains(id)) << id << " is not decided";
}

}  // namespace
}  // namespace aisp::doctor
