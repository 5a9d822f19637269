// See table.h. Columns are as wide as their widest cell over the whole run, so that blocks line up.
#include "app/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "base/units.h"
#include "report/model.h"

namespace aisp::app {
namespace {

using report::State;

constexpr int kLeastWidth = 60;
constexpr int kGap = 2;

// name, time, speed-up, its interval, share of the ceiling, verdict
enum Column { kName, kTime, kSpeedup, kInterval, kCeiling, kVerdict, kColumns };
constexpr std::array<const char*, kColumns> kTitles{"technique",  "time",       "speed-up",
                                                    "[interval]", "of ceiling", "verdict"};

struct Line {
  std::array<std::string, kColumns> cells;
  std::string note;  // replaces the cells behind the name, or follows on lines of its own
  State state = State::kSkipped;
  bool timed = false;
};

const char* colour_of(State state) {
  switch (state) {
    case State::kFaster:
      return "\x1b[32m";
    case State::kSlower:
      return "\x1b[33m";
    case State::kWrong:
    case State::kImpossible:
    case State::kFailed:
      return "\x1b[31m";
    case State::kNoisy:
    case State::kUnchecked:
      return "\x1b[35m";
    case State::kBaseline:
    case State::kEquivalent:
    case State::kInconclusive:
    case State::kSkipped:
      return "\x1b[2m";
  }
  return "";
}

std::string paint(const std::string& text, State state, bool colour) {
  return colour ? fmt::format("{}{}\x1b[0m", colour_of(state), text) : text;
}

Line line_of(const report::Row& row) {
  const bench::TechniqueResult& t = *row.technique;
  Line line;
  line.state = row.state;
  line.timed = row.timed;
  line.cells[kName] = printable(report::named(row));
  line.note = printable(report::explain(row));
  line.cells[kVerdict] = report::name(row.state);
  if (!row.timed) return line;
  line.cells[kTime] = format_time(t.time_ns.estimate);
  line.cells[kSpeedup] = format_ratio(row.speedup.estimate);
  if (row.state != State::kBaseline) {
    line.cells[kInterval] = format_ratio_interval(row.speedup.low, row.speedup.high);
  }
  line.cells[kCeiling] = printable(report::describe_ceiling(t));
  std::string labels;
  for (const auto& label : t.labels) labels += (labels.empty() ? "" : ", ") + printable(label);
  if (!labels.empty()) line.note += (line.note.empty() ? "" : "; ") + labels;
  return line;
}

// Words of `text` on lines of at most `width` columns.
std::vector<std::string> wrap(const std::string& text, int width) {
  std::vector<std::string> lines(1);
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find(' ', begin);
    if (end == std::string::npos) end = text.size();
    const std::string word = cut_to_width(text.substr(begin, end - begin), width);
    begin = end + 1;
    if (word.empty()) continue;
    if (lines.back().empty()) {
      lines.back() = word;
    } else if (display_width(lines.back()) + 1 + display_width(word) <= width) {
      lines.back() += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

struct Layout {
  std::array<int, kColumns> widths{};
  int width = 100;
  bool colour = false;

  int used() const {
    int sum = kGap;
    for (const int column : widths) sum += column > 0 ? column + kGap : 0;
    return sum - kGap;
  }
};

Layout lay_out(const std::vector<std::vector<Line>>& blocks, int width, bool colour) {
  Layout layout;
  layout.width = std::max(width, kLeastWidth);
  layout.colour = colour;
  for (const auto& block : blocks) {
    for (const Line& line : block) {
      for (int c = 0; c < kColumns; ++c) {
        if (c != kName && !line.timed) continue;
        layout.widths[c] = std::max(layout.widths[c], display_width(line.cells[c]));
      }
    }
  }
  // A column without a single entry (no measured ceilings, no other technique) is not shown.
  for (int c = 0; c < kColumns; ++c) {
    if (layout.widths[c] > 0 || c == kName || c == kVerdict) {
      layout.widths[c] = std::max(layout.widths[c], display_width(kTitles[c]));
    }
  }
  // Too wide: long names are cut first, then columns go, the least needed first.
  layout.widths[kName] = std::min(layout.widths[kName], 32);
  for (const Column dispensable : {kCeiling, kInterval}) {
    if (layout.used() <= layout.width) break;
    const int shorter = layout.widths[kName] - (layout.used() - layout.width);
    layout.widths[kName] = std::max(shorter, std::min(layout.widths[kName], 18));
    if (layout.used() > layout.width) layout.widths[dispensable] = 0;
  }
  const int excess = layout.used() - layout.width;
  if (excess > 0) layout.widths[kName] = std::max(8, layout.widths[kName] - excess);
  return layout;
}

std::string cell(const Layout& layout, Column column, const std::string& text) {
  const int width = layout.widths[column];
  if (width == 0) return "";
  const std::string cut = cut_to_width(text, width);
  if (column == kVerdict) return cut;  // the last one: no trailing blanks
  const bool right = column == kTime || column == kSpeedup || column == kCeiling;
  return (right ? pad_left(cut, width) : pad_right(cut, width)) + std::string(kGap, ' ');
}

std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string render(const Layout& layout, const Line& line) {
  std::string text(kGap, ' ');
  text += cell(layout, kName, line.cells[kName]);
  const int indent = kGap + layout.widths[kName] + kGap;
  if (!line.timed) {
    const std::string verdict = line.cells[kVerdict];
    const std::string note = line.note.empty() ? verdict : verdict + ": " + line.note;
    const auto lines = wrap(note, layout.width - indent);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (i > 0) text += std::string(indent, ' ');
      text += paint(lines[i], line.state, layout.colour) + "\n";
    }
    return text;
  }
  for (const Column c : {kTime, kSpeedup, kInterval, kCeiling}) {
    text += cell(layout, c, line.cells[c]);
  }
  const int before = display_width(text);
  text += paint(cell(layout, kVerdict, line.cells[kVerdict]), line.state, layout.colour);
  if (line.note.empty()) return text + "\n";
  const int after = before + layout.widths[kVerdict] + kGap;
  if (after + display_width(line.note) <= layout.width) {
    const int pad = layout.widths[kVerdict] - display_width(line.cells[kVerdict]) + kGap;
    return text + std::string(pad, ' ') + line.note + "\n";
  }
  text += "\n";
  for (const auto& part : wrap(line.note, layout.width - indent - kGap)) {
    text += std::string(indent + kGap, ' ') + part + "\n";
  }
  return text;
}

std::string title_of(const bench::CaseResult& result, int width, bool colour) {
  std::string text = fmt::format("{}  {}", result.lab, result.case_name);
  if (!result.size.empty()) text += fmt::format(" ({})", result.size);
  if (!result.origin.empty()) text += ": " + result.origin;
  std::string out = cut_to_width(printable(text), width);
  out = colour ? fmt::format("\x1b[1m{}\x1b[0m\n", out) : out + "\n";
  if (!result.checks_off.empty()) {
    std::string off;
    for (const auto& check : result.checks_off) off += (off.empty() ? "" : ", ") + check;
    out += cut_to_width("  checks switched off: " + printable(off), width) + "\n";
  }
  return out;
}

}  // namespace

std::string summary_table(const bench::RunRecord& run, bool colour, int width) {
  const report::Model model = report::build_model(run);
  std::vector<std::vector<Line>> blocks;
  std::vector<const bench::CaseResult*> cases;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      cases.push_back(view.result);
      auto& block = blocks.emplace_back();
      for (const auto& row : view.rows) block.push_back(line_of(row));
    }
  }
  const Layout layout = lay_out(blocks, width, colour);
  std::string text;
  if (!blocks.empty()) {
    std::string titles(kGap, ' ');
    for (int c = 0; c < kColumns; ++c) titles += cell(layout, static_cast<Column>(c), kTitles[c]);
    text += trimmed(titles);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    text += title_of(*cases[i], layout.width, colour);
    for (const Line& line : blocks[i]) text += render(layout, line);
    text += "\n";
  }
  for (const auto& line :
       wrap(fmt::format("{} technique{} in {} case{}: {}", model.tally.total(),
                        model.tally.total() == 1 ? "" : "s", model.tally.cases,
                        model.tally.cases == 1 ? "" : "s", report::describe(model.tally)),
            layout.width)) {
    text += line + "\n";
  }
  return text;
}

}  // namespace aisp::app
