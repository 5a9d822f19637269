// Counters as a part of the page and of the Markdown. See counters.h.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/units.h"
#include "report/counters.h"
#include "report/html_parts.h"
#include "report/markdown.h"
#include "report/markup.h"

namespace aisp::report {
namespace {

struct Counted {
  const Row* row = nullptr;
  CounterDigest digest;
};

struct Counters {
  std::vector<Counted> counted;      // the baseline first, if it is there
  std::vector<std::string> why_not;  // each once
  bool has_baseline = false, cut = false;
  std::string tool, level;

  const CounterDigest* baseline_of(const Counted& one) const {
    return has_baseline && &one != &counted.front() ? &counted.front().digest : nullptr;
  }
};

std::optional<Counters> counters_of(const CaseView& view) {
  std::optional<Counters> all;
  for (const Row& row : view.rows) {
    const auto& profile = row.technique->profile;
    if (!profile) continue;
    if (!all) all.emplace();
    all->tool = profile->tool;
    all->level = profile->level;
    all->cut = all->cut || profile->cut;
    if (!profile->why_not.empty()) {
      const bool known = std::find(all->why_not.begin(), all->why_not.end(), profile->why_not) !=
                         all->why_not.end();
      if (!known) all->why_not.push_back(profile->why_not);
    } else if (!profile->kernels.empty()) {
      all->has_baseline = all->has_baseline || row.technique->name == view.result->baseline;
      all->counted.push_back({&row, digest(*profile)});
    }
  }
  return all;
}

std::string share(double value) { return std::isfinite(value) ? format_percent(value) : "-"; }
std::string bytes(double value) { return std::isfinite(value) ? format_bytes(value) : "-"; }

std::vector<std::string> cells_of(const CounterDigest& d) {
  const double conflicts =
      d.shared_passes > 0.0 ? std::min(1.0, d.conflict_passes / d.shared_passes) : 0.0;
  return {fmt::format("{}", d.kernels),
          bytes(d.bytes_read),
          bytes(d.bytes_written),
          d.load_sectors > 0.0 ? fmt::format("{:.3g}", d.load_sectors) : "-",
          d.store_sectors > 0.0 ? fmt::format("{:.3g}", d.store_sectors) : "-",
          d.shared_passes > 0.0 ? share(conflicts) : "-",
          share(d.occupancy),
          d.occupancy_limit < 0.999 && !d.limited_by.empty()
              ? fmt::format("{}, {}", share(d.occupancy_limit), d.limited_by)
              : share(d.occupancy_limit),
          share(d.tensor),
          d.waits.empty() ? "-" : fmt::format("{} {}", d.waits[0].first, share(d.waits[0].second))};
}

constexpr const char* kTitles[] = {
    "kernels",        "read",  "written",        "sectors a load",   "sectors a store",
    "bank conflicts", "warps", "warps that fit", "tensor pipe busy", "waits mostly for"};

std::string table(const Counters& all) {
  std::string out =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Counters\"><table "
      "class=\"grid numbers\"><thead><tr><th scope=\"col\">technique</th>";
  for (const char* title : kTitles) out += fmt::format("<th scope=\"col\">{}</th>", title);
  out += "</tr></thead><tbody>";
  for (const Counted& one : all.counted) {
    out += fmt::format("<tr><th scope=\"row\" class=\"mono\">{}</th>",
                       escape(one.row->technique->name));
    for (const auto& cell : cells_of(one.digest)) out += fmt::format("<td>{}</td>", escape(cell));
    out += "</tr>";
  }
  return out + "</tbody></table></div>";
}

}  // namespace

std::string render_counters(const CaseView& view) {
  const auto all = counters_of(view);
  if (!all) return "";
  std::string out = "<div class=\"counters\"><h4>What a call did, by hardware counters</h4>";
  for (const auto& why : all->why_not) {
    out += fmt::format("<p class=\"muted\">No counters: {}.</p>", escape(why));
  }
  if (all->counted.empty()) return out + "</div>";
  out += table(*all) + "<dl class=\"explained\">";
  for (const Counted& one : all->counted) {
    out += fmt::format("<dt class=\"mono\">{}</dt><dd>", escape(one.row->technique->name));
    std::string text;
    for (const auto& sentence : explain_counters(*view.result, one.digest, all->baseline_of(one))) {
      text += (text.empty() ? "" : " ") + escape(sentence);
    }
    out += text + "</dd>";
  }
  out += fmt::format(
      "</dl><p class=\"muted\">One call of each technique under {}, {}, after everything was "
      "timed.{}"
      "</p>",
      escape(all->tool), escape(all->level),
      all->cut ? " Calls of many kernels: only the first ones were counted." : "");
  return out + "</div>";
}

std::string counters_as_markdown(const CaseView& view) {
  const auto all = counters_of(view);
  if (!all) return "";
  std::string out;
  for (const auto& why : all->why_not) {
    out += fmt::format("No counters: {}.\n\n", markdown_text(why));
  }
  for (const Counted& one : all->counted) {
    out += fmt::format("- {}:", markdown_text(one.row->technique->name));
    for (const auto& sentence : explain_counters(*view.result, one.digest, all->baseline_of(one))) {
      out += " " + markdown_text(sentence);
    }
    out += "\n";
  }
  return all->counted.empty() ? out : out + "\n";
}

}  // namespace aisp::report
