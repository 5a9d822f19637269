// See markdown.h.
#include "report/markdown.h"

#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "report/counters.h"
#include "report/model.h"

namespace aisp::report {
namespace {

std::string plain(const std::string& text) { return markdown_text(text); }
// A code span that keeps what it holds: backticks inside become apostrophes, bars are escaped.
std::string code(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '|') out += '\\';
    out += c == '`' ? '\'' : c;
  }
  return out.empty() ? "" : "`" + out + "`";
}

void add_case(std::string& out, const CaseView& view) {
  const bench::CaseResult& result = *view.result;
  out += fmt::format("### {} ({})\n\n", plain(result.case_name), plain(result.size));
  out += fmt::format("{}. {}.\n\n", plain(result.origin), plain(describe_params(result)));
  if (!result.checks_off.empty()) {
    out += "**Checks were switched off:**";
    for (const auto& check : result.checks_off) out.append(" ").append(plain(check));
    out += "\n\n";
  }
  out += "| technique | time | speed-up | interval | rates | of ceiling | verdict |\n";
  out += "|---|--:|--:|:--|:--|--:|:--|\n";
  for (const Row& row : view.rows) {
    const bench::TechniqueResult& t = *row.technique;
    std::string verdict = name(row.state);
    const std::string note = explain(row);
    if (!note.empty()) verdict += ": " + plain(note);
    for (const auto& label : t.labels) verdict += fmt::format(" *{}*", plain(label));
    const std::string who = code(t.name) + (row.aside == "peer" ? " (peer)" : "");
    if (!row.timed) {
      out += fmt::format("| {} | | | | | | {} |\n", who, verdict);
      continue;
    }
    std::string rates;
    for (const auto& rate : describe_rates(result, t)) rates += (rates.empty() ? "" : ", ") + rate;
    const bool baseline = row.state == State::kBaseline;
    out +=
        fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", who, format_time(t.time_ns.estimate),
                    format_ratio(row.speedup.estimate),
                    baseline ? "" : plain(format_ratio_interval(row.speedup.low, row.speedup.high)),
                    plain(rates), plain(describe_ceiling(t)), verdict);
  }
  out += "\n" + counters_as_markdown(view);
}

}  // namespace

std::string markdown_text(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\\':
      case '`':
      case '*':
      case '_':
      case '[':
      case ']':
      case '(':
      case ')':
      case '#':
      case '!':
      case '~':
      case '|':
        out += '\\';
        [[fallthrough]];
      default:
        out += c;
    }
  }
  return out;
}

std::string render_markdown(const bench::RunRecord& run) {
  const Model model = build_model(run);
  const auto field = [&](const std::vector<std::string>& path) {
    return plain(header_text(run.header, path));
  };
  std::string out = fmt::format("# aisp run {}\n\n", field({"run_id"}));
  out += fmt::format("- machine: {}, {} ({})\n", field({"cpu", "model"}),
                     format_bytes(header_number(run.header, {"cpu", "memory_bytes"})),
                     field({"hardware_key"}));
  out += fmt::format("- started: {}\n", field({"started_utc"}));
  out += fmt::format("- command: {}\n", code(describe_command(run.header)));
  out += fmt::format("- aisp: {}\n", plain(describe_build(run.header)));
  out += fmt::format("- result: {} techniques in {} cases: {}\n\n", model.tally.total(),
                     model.tally.cases, describe(model.tally));
  if (run.torn_lines > 0) out += "The run was cut off: its last line was unfinished.\n\n";
  for (const auto& lab : model.labs) {
    out += fmt::format("## {}\n\n", plain(lab.name));
    out += plain(lab.cases[0].result->question) + "\n\n";
    for (const auto& view : lab.cases) add_case(out, view);
  }
  return out;
}

}  // namespace aisp::report
