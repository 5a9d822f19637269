// The text of the metrics. See metrics.h.
#include "doctor/metrics.h"

#include <fmt/format.h>

namespace aisp::doctor {
namespace {

std::string label(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string metrics_text(const Examination& examination) {
  std::string text =
      "# HELP aisp_doctor_verdict What the evidence says of an item: 0 ok, 1 warn, 2 fail.\n"
      "# TYPE aisp_doctor_verdict gauge\n";
  for (const Row& row : examination.rows) {
    const Verdict verdict = row.finding.verdict;
    if (verdict != Verdict::kOk && verdict != Verdict::kWarn && verdict != Verdict::kFail) continue;
    const int value = verdict == Verdict::kOk ? 0 : verdict == Verdict::kWarn ? 1 : 2;
    text += fmt::format("aisp_doctor_verdict{{item=\"{}\",section=\"{}\"}} {}\n",
                        label(row.item.id), label(row.item.section), value);
  }
  text +=
      "# HELP aisp_doctor_items Items of the checklist by verdict.\n"
      "# TYPE aisp_doctor_items gauge\n";
  for (const auto& [verdict, count] : count(examination).by_verdict) {
    text += fmt::format("aisp_doctor_items{{verdict=\"{}\"}} {}\n", name(verdict), count);
  }
  text += fmt::format(
      "# HELP aisp_doctor_examination_seconds How long the examination took.\n"
      "# TYPE aisp_doctor_examination_seconds gauge\naisp_doctor_examination_seconds {:.3f}\n"
      "# HELP aisp_doctor_info The examined host and the program.\n"
      "# TYPE aisp_doctor_info gauge\n"
      "aisp_doctor_info{{host=\"{}\",version=\"{}\",when=\"{}\"}} 1\n",
      examination.seconds, label(examination.host), label(examination.program),
      label(examination.when));
  return text;
}

}  // namespace aisp::doctor
