// One case as HTML. The baseline's row comes first and every other row is read against it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "report/counters.h"
#include "report/html_parts.h"
#include "report/markup.h"

namespace aisp::report {
namespace {

std::string mono(const std::string& text) {
  return "<span class=\"mono\">" + escape(text) + "</span>";
}

std::string describe_work(const bench::CaseResult& result) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (result.flops > 0.0) {
    std::string flops = format_rate(result.flops, "FLOP");
    if (!result.flops_dtype.empty()) flops += " " + result.flops_dtype;
    add(flops);
  }
  if (result.bytes_read > 0.0) add(format_bytes(result.bytes_read) + " read");
  if (result.bytes_written > 0.0) add(format_bytes(result.bytes_written) + " written");
  if (result.items > 0.0) {
    add(format_count(result.items) + " " + (result.item_name.empty() ? "items" : result.item_name));
  }
  return text;
}

// "21.4 ms" and its interval below.
std::string time_cell(const bench::TechniqueResult& t) {
  const Interval& time = t.time_ns;
  std::string range;
  if (std::isfinite(time.low) && std::isfinite(time.high) && time.low > 0.0) {
    range = fmt::format("<small>{} to {}</small>", format_time(time.low), format_time(time.high));
  }
  return fmt::format("<td class=\"num\" data-name=\"time\"><div>{}{}</div></td>",
                     format_time(time.estimate), range);
}

std::string speedup_cell(const Row& row) {
  if (row.state == State::kBaseline) return "<td class=\"num\" data-name=\"speed-up\">1</td>";
  return fmt::format(
      "<td class=\"num\" data-name=\"speed-up\"><div><b>{}</b><small>{}</small></div></td>",
      format_ratio(row.speedup.estimate), format_ratio_interval(row.speedup.low, row.speedup.high));
}

std::string ceiling_cell(const bench::TechniqueResult& t) {
  const bool beside = !t.beside.empty();
  const double fraction = beside ? t.beside_fraction.estimate : t.ceiling_fraction;
  if (!(fraction > 0.0)) return "<td></td>";
  const double width = std::clamp(fraction, 0.0, 1.0) * 100.0;
  std::string bound = t.bound.empty() ? "" : "<small>" + escape(t.bound) + " bound</small>";
  if (beside) {
    bound = fmt::format("<small>[{:.0f}, {:.0f}] beside it</small>", 100.0 * t.beside_fraction.low,
                        100.0 * t.beside_fraction.high);
  }
  return fmt::format(
      "<td class=\"num\" data-name=\"of ceiling\"><div>{}<span class=\"meter\"><i "
      "style=\"width:{:.1f}%\"></i></span>{}</div></td>",
      format_percent(fraction), width, bound);
}

std::string verdict_cell(const Row& row) {
  std::string out = fmt::format(
      "<td class=\"judged\" data-name=\"verdict\"><div><span class=\"verdict {0}\">{0}</span>",
      name(row.state));
  const std::string note = explain(row);
  if (!note.empty()) out += fmt::format("<small>{}</small>", escape(note));
  for (const auto& label : row.technique->labels) {
    out += fmt::format(" <span class=\"label\">{}</span>", escape(label));
  }
  return out + "</div></td>";
}

std::string name_cell(const Row& row) {
  const bench::TechniqueResult& t = *row.technique;
  std::string out = fmt::format("<th scope=\"row\"><span class=\"mono\">{}</span>", escape(t.name));
  if (!row.aside.empty()) out += fmt::format(" <span class=\"label\">{}</span>", row.aside);
  if (t.threads > 1) out += fmt::format(" <span class=\"label\">{} threads</span>", t.threads);
  return out + fmt::format("<small>{}</small></th>", escape(t.summary));
}

std::string untimed_cells(const CaseView& view, std::size_t index) {
  const Row& row = view.rows[index];
  const std::string note = escape(explain(row));
  std::string out =
      fmt::format("<td class=\"judged\" colspan=\"5\"><span class=\"verdict {0}\">{0}</span>{1}{2}",
                  name(row.state), note.empty() ? "" : ": ", note);
  for (const auto& label : row.technique->labels) {
    out += fmt::format(" <span class=\"label\">{}</span>", escape(label));
  }
  if (!row.technique->last_output.empty()) {
    out += fmt::format(" <a href=\"#{}\">last output</a>", failure_id(view, index));
  }
  return out + "</td>";
}

std::string timed_cells(const CaseView& view, const Row& row) {
  std::string rates;
  for (const auto& rate : describe_rates(*view.result, *row.technique)) {
    rates += (rates.empty() ? "" : "<br>") + escape(rate);
  }
  return time_cell(*row.technique) + speedup_cell(row) +
         (rates.empty() ? "<td></td>"
                        : "<td class=\"num\" data-name=\"rates\"><div>" + rates + "</div></td>") +
         ceiling_cell(*row.technique) + verdict_cell(row);
}

std::string results_table(const CaseView& view) {
  std::string out =
      "<table class=\"cards\"><thead><tr><th scope=\"col\">technique</th><th scope=\"col\" "
      "class=\"num\">time a call</th><th scope=\"col\" class=\"num\">speed-up</th><th "
      "scope=\"col\" class=\"num\">rates</th><th scope=\"col\" class=\"num\">of ceiling</th><th "
      "scope=\"col\">verdict</th></tr></thead><tbody>";
  for (std::size_t i = 0; i < view.rows.size(); ++i) {
    const Row& row = view.rows[i];
    out += "<tr>" + name_cell(row) + (row.timed ? timed_cells(view, row) : untimed_cells(view, i)) +
           "</tr>";
  }
  return out + "</tbody></table>";
}

std::string plots(const CaseView& view) {
  std::size_t timed = 0;
  for (const Row& row : view.rows) timed += row.timed ? 1 : 0;
  if (timed < 2) return "";
  return "<div class=\"plots\">" +
         plot_place("speedups", view.id, timed, "Speed-up over " + mono(view.result->baseline)) +
         plot_place("samples", view.id, timed,
                    "Samples over their median, a strip for each process") +
         "</div>";
}

// The baseline's time over its own, as everywhere; the record keeps the inverse.
std::string ratio_text(const Interval& ratio) {
  const auto invert = [](double v) { return v > 0.0 ? 1.0 / v : std::nan(""); };
  return fmt::format("{} {}", format_ratio(invert(ratio.estimate)),
                     format_ratio_interval(invert(ratio.high), invert(ratio.low)));
}

std::string details_table(const CaseView& view) {
  std::string out =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Details\"><table "
      "class=\"grid numbers\"><thead><tr>";
  for (const char* title :
       {"technique", "p10", "p90", "p99", "speed-up, wall clock",
        view.result->device == "cuda" ? "speed-up, device clock" : "speed-up, CPU clock",
        "judged by", "rounds", "disturbed", "isolated", "outputs checked", "worst error"}) {
    out += fmt::format("<th scope=\"col\">{}</th>", title);
  }
  out += "</tr></thead><tbody>";
  for (const Row& row : view.rows) {
    if (!row.timed) continue;
    const bench::TechniqueResult& t = *row.technique;
    out += fmt::format("<tr><th scope=\"row\" class=\"mono\">{}</th>", escape(t.name));
    const auto cell = [&](const std::string& text) { out += fmt::format("<td>{}</td>", text); };
    for (const double value : {t.p10_ns, t.p90_ns, t.p99_ns}) cell(format_time(value));
    const bool baseline = row.state == State::kBaseline;
    cell(baseline ? "" : ratio_text(t.pair.ratio_wall));
    cell(baseline ? "" : ratio_text(t.pair.ratio_cpu));
    cell(baseline ? "" : fmt::format("{} clock", name(t.pair.clock)));
    cell(fmt::format("{}", t.pair.rounds));
    cell(format_percent(t.pair.disturbed_share));
    cell(t.has_isolated ? ratio_text(t.isolated.ratio) : "");
    cell(fmt::format("{}", t.outputs_checked));
    cell(fmt::format("{} of bound", format_percent(t.worst_in_bounds)));
    out += "</tr>";
  }
  return out + "</tbody></table></div>";
}

std::string details(const CaseView& view) {
  const bench::CaseResult& r = *view.result;
  std::string seeds;
  for (const auto& process : r.processes) {
    seeds += fmt::format("{}{:016x}", seeds.empty() ? "" : ", ", process.seed);
  }
  std::string targets;
  for (const auto& target : r.targets) targets += (targets.empty() ? "" : ", ") + target;
  double margin = 0.0, level = 0.0;
  for (const Row& row : view.rows) {
    margin = std::max(margin, row.technique->margin);
    level = std::max(level, row.technique->level);
  }
  std::string out = "<details><summary>Clocks, percentiles, checks, provenance</summary>";
  out += details_table(view) + "<dl class=\"facts\">";
  out += fact("targets", escape(targets));
  out += fact("sources", escape(r.folder + " " + r.source_hash));
  out += fact("baseline", escape(r.baseline));
  out += fact("medium", escape(r.medium));
  out += fact("started", escape(r.started_utc));
  out += fact("took", format_time(r.seconds * 1e9));
  out += fact("load", format_number(r.load1));
  out += fact("steal", format_percent(r.steal_share));
  if (level > 0.0) {
    out += fact("margin",
                fmt::format("{} at level {}", format_percent(margin), format_percent(level)));
  }
  out += fact("processes", fmt::format("{}", r.processes.size()));
  out += fact("seeds", "<span class=\"mono\">" + seeds + "</span>");
  return out + "</dl></details>";
}

}  // namespace

std::string render_case(const CaseView& view) {
  const bench::CaseResult& r = *view.result;
  std::string out =
      fmt::format("<article class=\"panel\" id=\"{}\"><h3>{}", view.id, escape(r.case_name));
  if (!r.size.empty()) out += fmt::format(" <span class=\"label\">{}</span>", escape(r.size));
  if (r.device == "cuda") out += " <span class=\"label\">on the GPU</span>";
  out += fmt::format("</h3><p class=\"muted\">{}</p><dl class=\"facts\">", escape(r.origin));
  out += fact("size", escape(describe_params(r)));
  out += fact("work of a call", escape(describe_work(r)));
  if (r.working_set_bytes > 0.0) out += fact("working set", format_bytes(r.working_set_bytes));
  out += "</dl>";
  if (!r.checks_off.empty()) {
    std::string off;
    for (const auto& check : r.checks_off) off += (off.empty() ? "" : ", ") + check;
    out += fmt::format(
        "<p class=\"notice\">Measured with checks switched off ({}): no claim rests on it.</p>",
        escape(off));
  }
  out += plots(view) + results_table(view) + render_counters(view) + details(view);
  return out + "</article>";
}

}  // namespace aisp::report
