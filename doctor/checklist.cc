// Parses the checklist. See checklist.h.
#include "doctor/checklist.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "doctor/embedded.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr std::size_t kColumns = 8;
constexpr std::string_view kHeader = "id\tsection\ttitle\tgist\tkind\thow\tfix\tneeds";

[[noreturn]] void refuse(std::size_t line, const std::string& what) {
  throw Error(what, fmt::format("checklist.tsv:{}", line), "mend the row");
}

Kind kind_of(std::string_view word, std::size_t line) {
  for (const Kind kind : {Kind::kProbe, Kind::kMeasure, Kind::kLab, Kind::kAdvice}) {
    if (word == name(kind)) return kind;
  }
  refuse(line, fmt::format("unknown kind '{}': probe, measure, lab or advice", word));
}

}  // namespace

const char* name(Kind kind) {
  switch (kind) {
    case Kind::kProbe:
      return "probe";
    case Kind::kMeasure:
      return "measure";
    case Kind::kLab:
      return "lab";
    case Kind::kAdvice:
      return "advice";
  }
  return "";
}

std::vector<Item> parse_checklist(std::string_view text) {
  std::vector<Item> items;
  std::set<std::string> seen;
  std::size_t number = 0;
  for (const std::string_view line : machine::split(text, '\n')) {
    ++number;
    if (number == 1) {
      if (line != kHeader) refuse(number, "the header is not the one this program knows");
      continue;
    }
    if (line.empty()) continue;
    const auto cells = machine::split(line, '\t');
    if (cells.size() != kColumns) {
      refuse(number, fmt::format("{} columns where {} belong", cells.size(), kColumns));
    }
    Item item;
    item.id = cells[0];
    item.section = cells[1];
    item.title = cells[2];
    item.gist = cells[3];
    item.kind = kind_of(cells[4], number);
    item.how = cells[5];
    item.fix = cells[6];
    item.needs = cells[7];
    if (item.id.empty() || item.title.empty()) refuse(number, "an item without id or title");
    if (!seen.insert(item.id).second) {
      refuse(number, fmt::format("the id '{}' is there twice", item.id));
    }
    items.push_back(std::move(item));
  }
  return items;
}

const std::vector<Item>& checklist() {
  static const std::vector<Item> items = parse_checklist(embedded_checklist());
  return items;
}

const Item* find_item(std::string_view id) {
  for (const Item& item : checklist()) {
    if (item.id == id) return &item;
  }
  return nullptr;
}

}  // namespace aisp::doctor
