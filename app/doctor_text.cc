// Lays out the examination. See doctor_text.h.
#include "app/doctor_text.h"

#include <fmt/format.h>

namespace aisp::app {
namespace {

using doctor::Examination;
using doctor::Finding;
using doctor::Fix;
using doctor::Row;
using doctor::Verdict;

constexpr std::size_t kIdWidth = 30;
constexpr std::size_t kMostShownValue = 160;

// A word of six letters at most, so that the eye finds the column.
const char* mark(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarn:
      return "WARN";
    case Verdict::kFail:
      return "FAIL";
    case Verdict::kNotApplicable:
      return "n/a";
    case Verdict::kCannotSee:
      return "unseen";
    case Verdict::kNotMeasured:
      return "-";
    case Verdict::kListed:
      return "";
  }
  return "";
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  if (text.size() > kMostShownValue) {
    text.resize(kMostShownValue);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) {
      text.pop_back();
    }
    text += " ...";
  }
  return text;
}

std::string evidence_lines(const Finding& finding, const char* indent) {
  std::string text;
  for (const auto& reading : finding.evidence) {
    text += fmt::format("{}{}: {}\n", indent, reading.source, one_line(reading.value));
  }
  return text;
}

std::string fix_lines(const Finding& finding, const char* indent) {
  std::string text;
  for (const Fix& fix : finding.fixes) {
    switch (fix.kind) {
      case Fix::Kind::kWrite:
        text += fmt::format("{}echo '{}' > {}\n", indent, fix.value, fix.target);
        break;
      case Fix::Kind::kVariable:
        text += fmt::format("{}export {}={}\n", indent, fix.target, fix.value);
        break;
      case Fix::Kind::kCommand:
        text += fmt::format("{}{}\n", indent, fix.target);
        break;
    }
  }
  return text;
}

std::string problem_text(const Row& row) {
  std::string text =
      fmt::format("\n{} {}: {}\n", mark(row.finding.verdict), row.item.id, row.finding.says);
  text += evidence_lines(row.finding, "     ");
  if (!row.finding.cost.empty()) text += fmt::format("     costs   {}\n", row.finding.cost);
  text += fmt::format("     remedy  {}\n", row.item.fix);
  text += fix_lines(row.finding, "             ");
  return text;
}

std::string counts_text(const Examination& examination) {
  const doctor::Counts counts = count(examination);
  std::string text =
      fmt::format("\n{} items: {} decided by evidence here (", counts.all, counts.decided);
  const auto of = [&](Verdict verdict) {
    const auto found = counts.by_verdict.find(verdict);
    return found == counts.by_verdict.end() ? 0 : found->second;
  };
  text += fmt::format("{} fail, {} warn, {} ok), {} do not apply here, {} cannot be seen, ",
                      of(Verdict::kFail), of(Verdict::kWarn), of(Verdict::kOk),
                      of(Verdict::kNotApplicable), of(Verdict::kCannotSee));
  text += fmt::format("{} not measured, {} labs and advice.\n", of(Verdict::kNotMeasured),
                      of(Verdict::kListed));
  text += fmt::format("Of those not decided here, recorded machines decide {}. {:.1f} s.\n",
                      counts.decided_elsewhere, examination.seconds);
  return text;
}

}  // namespace

std::string doctor_text(const Examination& examination, bool all) {
  std::string text = fmt::format(
      "{}{}, {}\n", examination.host.empty() ? "this machine" : examination.host,
      examination.tree.empty() ? std::string() : fmt::format(" (recorded in {})", examination.tree),
      examination.when);
  for (const auto& reading : examination.granted) {
    text += fmt::format("  {:<28} {}\n", reading.source, one_line(reading.value));
  }
  std::string section;
  for (const Row& row : examination.rows) {
    if (row.item.section != section) {
      section = row.item.section;
      text += fmt::format("\n{}\n", section);
    }
    text += fmt::format("  {:<6} {:<{}} {}\n", mark(row.finding.verdict), row.item.id, kIdWidth,
                        one_line(row.finding.says));
    if (all) text += evidence_lines(row.finding, "           ");
  }
  for (const Verdict verdict : {Verdict::kFail, Verdict::kWarn}) {
    for (const Row& row : examination.rows) {
      if (row.finding.verdict == verdict) text += problem_text(row);
    }
  }
  return text + counts_text(examination);
}

std::string doctor_explanation(const Row& row) {
  std::string text = fmt::format("{}: {} ({}; {})\n", row.item.id, row.item.title, row.item.section,
                                 name(row.item.kind));
  text += fmt::format("\n  {}\n", row.item.gist);
  if (!row.item.how.empty()) text += fmt::format("\n  evidence  {}\n", row.item.how);
  if (!row.item.fix.empty()) text += fmt::format("  remedy    {}\n", row.item.fix);
  text += fmt::format("  needs     {}\n", row.item.needs);
  text += fmt::format("\n  here: {}: {}\n", name(row.finding.verdict), row.finding.says);
  text += evidence_lines(row.finding, "    ");
  if (!row.finding.cost.empty()) text += fmt::format("  costs: {}\n", row.finding.cost);
  if (!row.finding.fixes.empty()) text += "  to mend it here:\n" + fix_lines(row.finding, "    ");
  return text;
}

}  // namespace aisp::app
