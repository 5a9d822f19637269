// See gate_text.h. Sources: the JUnit XML that CI services read (junit-team's schema of the legacy
// XML report); GitHub's "Workflow commands" page for ::error and its escapes.
#include "report/gate_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "base/units.h"
#include "bench/json_interval.h"
#include "report/markdown.h"
#include "report/markup.h"

namespace aisp::report {
namespace {

using bench::GateReport;
using bench::GateRow;
using bench::GateStatus;

std::string where(const GateRow& row) {
  return fmt::format("{}/{}/{} {}", row.lab, row.case_name, row.size, row.technique);
}

// Ratios are of times, as recorded: 0.25 is four times as fast as the baseline.
std::string what(const GateRow& row) {
  std::string text = row.text;
  if (row.expected > 0.0 && !row.seen.empty()) {
    std::string seen;
    for (const Interval& one : row.seen) {
      seen += fmt::format("{}{} {}", seen.empty() ? "" : ", then ", format_number(one.estimate),
                          format_ratio_interval(one.low, one.high));
    }
    const double change = row.seen.back().estimate / row.expected - 1.0;
    if (!text.empty()) text += "; ";
    text += fmt::format("{} times the baseline's time, recorded {} ({:+.1f} %, {} recorded runs)",
                        seen, format_number(row.expected), 100.0 * change, row.recorded_runs);
  }
  if (row.source_changed) text += "; the lab's sources changed since";
  if (!row.xfail_reason.empty()) text += "; " + row.xfail_reason;
  return printable(text);
}

bool worth_a_look(const GateRow& row) {
  return row.status != GateStatus::kOk || !row.xfail_reason.empty();
}

std::string counts(const GateReport& gate) {
  std::map<GateStatus, std::size_t> by_status;
  std::size_t known = 0;
  for (const GateRow& row : gate.rows) {
    if (row.expected_to_fail)
      ++known;
    else
      ++by_status[row.status];
  }
  std::string text = fmt::format("{} rows", gate.rows.size());
  for (const auto& [status, count] : by_status) text += fmt::format(", {} {}", count, name(status));
  if (known > 0) text += fmt::format(", {} known to fail", known);
  return text;
}

std::string verdict(const GateReport& gate) {
  if (!gate.recorded_anything && gate.red == 0) return "nothing was recorded for this machine";
  if (gate.red > 0) return fmt::format("red: {} of {} rows", gate.red, gate.rows.size());
  return "green";
}

// The rows worth a look, the worst first: wrong, missing, regressed by size, then the rest.
std::vector<const GateRow*> ranked(const GateReport& gate) {
  std::vector<const GateRow*> rows;
  for (const GateRow& row : gate.rows) {
    if (worth_a_look(row)) rows.push_back(&row);
  }
  const auto rank = [](const GateRow* row) {
    if (row->red() && row->status == GateStatus::kWrong) return 0;
    if (row->red() && row->status == GateStatus::kMissing) return 1;
    if (row->red()) return 2;
    return row->status == GateStatus::kSuspect ? 3 : 4;
  };
  const auto change = [](const GateRow* row) {
    return row->seen.empty() || row->expected <= 0.0 ? 0.0
                                                     : row->seen.back().estimate / row->expected;
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const GateRow* a, const GateRow* b) {
    return rank(a) != rank(b) ? rank(a) < rank(b) : change(a) > change(b);
  });
  return rows;
}

// The escapes of GitHub's workflow commands; a property also escapes : and ,
std::string command_text(const std::string& text, bool property) {
  std::string out;
  for (const char c : text) {
    if (c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','))) {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string gate_terminal(const GateReport& gate) {
  std::string out;
  for (const GateRow* row : ranked(gate)) {
    if (row->status == GateStatus::kUnrecorded) continue;  // counted below
    const std::string status = row->expected_to_fail ? "known" : name(row->status);
    out += fmt::format("{:10} {}\n{:10} {}\n", status, printable(where(*row)), "", what(*row));
  }
  return out + fmt::format("gate {}: {}\n", verdict(gate), counts(gate));
}

std::string gate_markdown(const GateReport& gate) {
  std::string out = fmt::format("## aisp gate: {}\n\n{} on `{}`.\n\n", verdict(gate), counts(gate),
                                markdown_text(gate.hardware_key));
  const auto rows = ranked(gate);
  if (rows.empty()) return out;
  out += "| | row | what |\n|---|---|---|\n";
  for (const GateRow* row : rows) {
    const std::string status = row->expected_to_fail ? "known" : name(row->status);
    out += fmt::format("| {} | {} | {} |\n", row->red() ? "**" + status + "**" : status,
                       markdown_text(where(*row)), markdown_text(what(*row)));
  }
  return out;
}

std::string gate_junit(const GateReport& gate) {
  std::map<std::string, std::vector<const GateRow*>> suites;
  for (const GateRow& row : gate.rows) suites[row.lab].push_back(&row);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites name=\"aisp gate\" tests=\"{}\" failures=\"{}\">\n",
                     gate.rows.size(), gate.red);
  for (const auto& [lab, rows] : suites) {
    const auto count = [&](auto&& holds) {
      return std::count_if(rows.begin(), rows.end(),
                           [&](const GateRow* row) { return holds(*row); });
    };
    out += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
                       escape(lab), rows.size(), count([](const GateRow& r) { return r.red(); }),
                       count([](const GateRow& r) { return r.expected_to_fail; }));
    for (const GateRow* row : rows) {
      out += fmt::format("    <testcase classname=\"{}\" name=\"{}/{} {}\"", escape(lab),
                         escape(row->case_name), escape(row->size), escape(row->technique));
      const std::string text = escape(what(*row));
      if (row->red()) {
        out += fmt::format("><failure type=\"{}\" message=\"{}\"/></testcase>\n", name(row->status),
                           text);
      } else if (row->expected_to_fail) {
        out += fmt::format("><skipped message=\"{}\"/></testcase>\n", text);
      } else if (worth_a_look(*row)) {
        out +=
            fmt::format("><system-out>{}: {}</system-out></testcase>\n", name(row->status), text);
      } else {
        out += "/>\n";
      }
    }
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

std::string gate_annotations(const GateReport& gate, std::size_t limit) {
  std::string out;
  std::size_t shown = 0;
  for (const GateRow* row : ranked(gate)) {
    if (!row->red() && row->status != GateStatus::kSuspect) continue;
    if (shown++ == limit) break;
    out += fmt::format("::{} file={}/README.md,title={}::{}\n", row->red() ? "error" : "warning",
                       command_text(row->folder, true),
                       command_text(fmt::format("{}: {}", name(row->status), where(*row)), true),
                       command_text(what(*row), false));
  }
  return out;
}

std::string gate_json(const GateReport& gate) {
  bench::Json rows = bench::Json::array();
  for (const GateRow& row : gate.rows) {
    bench::Json seen = bench::Json::array();
    for (const Interval& one : row.seen) seen.push_back(bench::interval_to_json(one));
    rows.push_back({{"lab", row.lab},
                    {"case", row.case_name},
                    {"size", row.size},
                    {"technique", row.technique},
                    {"status", name(row.status)},
                    {"red", row.red()},
                    {"text", what(row)},
                    {"expected_ratio", row.expected},
                    {"seen", seen},
                    {"p", row.p},
                    {"visible_step", row.visible_step},
                    {"recorded_runs", row.recorded_runs},
                    {"source_changed", row.source_changed},
                    {"xfail", row.xfail_reason}});
  }
  const bench::Json json = {{"schema", "aisp.gate/1"},
                            {"hardware_key", gate.hardware_key},
                            {"red", gate.red},
                            {"wrong", gate.wrong},
                            {"missing", gate.missing},
                            {"suspect", gate.suspect},
                            {"undecided", gate.undecided},
                            {"rows", rows}};
  return json.dump(1, ' ', false, bench::Json::error_handler_t::replace) + "\n";
}

}  // namespace aisp::report
