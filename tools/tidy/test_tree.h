// What the tests of tidy share: trees put together in memory, and findings as places.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tools/tidy/rules.h"

namespace aisp::tidy {

using Files = std::vector<std::pair<std::string, std::string>>;

inline Tree tree_of(const Files& files) {
  Tree tree;
  for (const auto& [path, text] : files) tree.add(path, text);
  return tree;
}

/// "path:line" of every finding that fails the run, one after the other.
inline std::string broken(const Findings& findings) {
  std::string places;
  for (const auto& finding : findings) {
    EXPECT_FALSE(finding.reason.empty());
    EXPECT_FALSE(finding.instead.empty()) << finding.reason;
    if (finding.note) continue;
    places += (places.empty() ? "" : " ") + finding.path + ":" + std::to_string(finding.line);
  }
  return places;
}

inline std::string lines(int count, const std::string& line = "int x;") {
  std::string text;
  for (int i = 0; i < count; ++i) text += line + "\n";
  return text;
}

}  // namespace aisp::tidy
