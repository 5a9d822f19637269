// The checklist: one row per item, from doctor/checklist.tsv, which is part of the program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aisp::doctor {

enum class Kind { kProbe, kMeasure, kLab, kAdvice };
const char* name(Kind kind);

struct Item {
  std::string id, section, title, gist;
  Kind kind = Kind::kProbe;
  std::string how;    // the evidence, in words
  std::string fix;    // the remedy, in words
  std::string needs;  // "any", "cpu", "gpu", "multi-gpu", "cluster"
};

/// The embedded checklist. Throws Error when the text is malformed (a test reads it).
const std::vector<Item>& checklist();
/// Throws Error naming the line: wrong number of columns, unknown kind, an id twice.
std::vector<Item> parse_checklist(std::string_view text);
/// Null when there is no such item.
const Item* find_item(std::string_view id);

}  // namespace aisp::doctor
