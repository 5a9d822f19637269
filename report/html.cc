// The page: what was faster and how sure, what failed, the overview, the rooflines, the labs, and
// where the figures come from. See html.h.
#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "report/assets.h"
#include "report/html_parts.h"
#include "report/markup.h"
#include "report/plot_data.h"
#include "report/roofline.h"

namespace aisp::report {
namespace {

std::string counted(std::size_t count, const char* word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string gpu_text(const bench::Json& header) {
  std::string text = escape(header_text(header, {"device", "name"}));
  if (text.empty()) return "";
  const std::string count = header_text(header, {"device", "multiprocessors"});
  const double memory = header_number(header, {"device", "memory_bytes"});
  if (!count.empty()) text += fmt::format(", {} multiprocessors", escape(count));
  if (memory > 0.0) text += ", " + format_bytes(memory);
  return text;
}

std::string machine_text(const bench::Json& header) {
  std::string text = escape(header_text(header, {"cpu", "model"}));
  const std::string cores = header_text(header, {"cpu", "cores"});
  if (!cores.empty()) text += fmt::format("{}{} cores", text.empty() ? "" : ", ", escape(cores));
  const double memory = header_number(header, {"cpu", "memory_bytes"});
  if (memory > 0.0) text += fmt::format("{}{}", text.empty() ? "" : ", ", format_bytes(memory));
  return text;
}

int count_of(const Tally& tally, State state) {
  const auto found = tally.techniques.find(state);
  return found == tally.techniques.end() ? 0 : found->second;
}

// "By 1.01x to 15.9x, half of them by 2.31x or more."
std::string range_of_speedups(const Model& model) {
  std::vector<double> speedups;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      for (const Row& row : view.rows) {
        if (row.state == State::kFaster && row.aside.empty())
          speedups.push_back(row.speedup.estimate);
      }
    }
  }
  if (speedups.size() < 2) return "";
  const auto [least, most] = std::minmax_element(speedups.begin(), speedups.end());
  return fmt::format(" By {} to {}, half of them by {} or more.", format_ratio(*least),
                     format_ratio(*most), format_ratio(median(speedups)));
}

std::string lead(const bench::RunRecord& run, const Model& model) {
  const Tally& tally = model.tally;
  if (tally.total() == 0) return "<p class=\"lead\">This run has no results yet.</p>";
  std::string out = fmt::format(
      "<p class=\"lead\"><b>{} of {}</b> faster than their baseline, in {} of {}.{}</p>",
      count_of(tally, State::kFaster),
      counted(static_cast<std::size_t>(tally.total()), "technique"),
      counted(static_cast<std::size_t>(tally.cases), "case"), counted(model.labs.size(), "lab"),
      range_of_speedups(model));
  const double level = header_number(run.header, {"options", "level"});
  const double margin = header_number(run.header, {"options", "margin"});
  if (level > 0.0 && margin > 0.0) {
    out += fmt::format(
        "<p class=\"muted\">Faster means: the whole {:g} % interval of the paired speed-up lies "
        "above "
        "1, beyond a margin of {:g} %. Each interval holds on its own, whenever the run "
        "stopped.</p>",
        100.0 * level, 100.0 * margin);
  }
  return out;
}

// The tally: also the buttons of the filter, when the page's script runs.
std::string tally(const Model& model) {
  std::string out = "<div class=\"tally\" aria-hidden=\"true\">";
  for (const auto& [state, count] : model.tally.techniques) {
    out += fmt::format("<span class=\"{}\" style=\"flex:{}\"></span>", name(state), count);
  }
  out += "</div><div class=\"filter\" id=\"filter\"><ul class=\"chips\" aria-label=\"Verdicts\">";
  for (const auto& [state, count] : model.tally.techniques) {
    out += fmt::format("<li class=\"{0}\" data-state=\"{0}\"><span><b>{1}</b> {0}</span></li>",
                       name(state), count);
  }
  out += "</ul>";
  if (model.tally.peers > 0) {
    out += fmt::format("<p class=\"muted\">and {} of other people's libraries</p>",
                       counted(static_cast<std::size_t>(model.tally.peers), "row"));
  }
  return out + "</div>";
}

std::string page_header(const bench::RunRecord& run, const Model& model) {
  const bench::Json& header = run.header;
  std::string out = fmt::format("<header><p class=\"eyebrow\">aisp run</p><h1>{}</h1>",
                                escape(header_text(header, {"run_id"})));
  out += lead(run, model) + "<dl class=\"facts\">" + fact("machine", machine_text(header));
  out += fact("GPU", gpu_text(header));
  out += fact("started", escape(header_text(header, {"started_utc"})));
  out += fact("aisp", escape(describe_build(header)));
  out += fact("hardware key", escape(header_text(header, {"hardware_key"}))) + "</dl>";
  if (run.torn_lines > 0) {
    out +=
        "<p class=\"notice\">The run was cut off: its last line was unfinished and is left out. "
        "Go on with <code>aisp bench run --resume</code>.</p>";
  }
  return out + "</header>";
}

std::string navigation(const Model& model) {
  std::string out =
      "<nav aria-label=\"Sections\"><ul><li><a href=\"#failures\">Failures</a></li><li><a "
      "href=\"#glance\">Best of each case</a></li><li><a href=\"#roofline\">Roofline</a></li><li>"
      "<a href=\"#environment\">Environment</a></li><li><a href=\"#reproduce\">Reproduce</a></li>"
      "</ul><ul class=\"labs\">";
  for (const LabView& lab : model.labs) {
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>", lab.id, escape(lab.name));
  }
  return out + "</ul></nav>";
}

std::string overview_row(const LabView& lab, const CaseView& view) {
  std::string out = fmt::format(
      "<tr><th scope=\"row\"><a href=\"#{}\">{}</a> {} <small>{}</small>"
      "</th>",
      view.id, escape(lab.name), escape(view.result->case_name), escape(view.result->size));
  const Row* best = view.best();
  if (best == nullptr) {
    return out +
           "<td class=\"muted\" colspan=\"4\">nothing shown to be faster than the baseline</td>"
           "</tr>";
  }
  const std::string ceiling = escape(describe_ceiling(*best->technique));
  return out + fmt::format(
                   "<td class=\"mono\">{}</td><td class=\"num\"><b>{}</b></td><td "
                   "class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
                   escape(best->technique->name), format_ratio(best->speedup.estimate),
                   format_ratio_interval(best->speedup.low, best->speedup.high), ceiling);
}

std::string overview(const Model& model) {
  std::string out =
      "<section aria-labelledby=\"glance\"><h2 id=\"glance\">The best technique of each case</h2>";
  if (model.labs.empty()) return out + "<p class=\"muted\">Nothing was measured.</p></section>";
  std::string rows;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) rows += overview_row(lab, view);
  }
  out += "<div class=\"panel\">" +
         plot_place("overview", "all", static_cast<std::size_t>(model.tally.cases),
                    "Speed-up over the baseline of each case, with the interval of the best; the "
                    "small marks are the other techniques. Grey: within the margin.");
  return out +
         "<details class=\"table\" open=\"\"><summary>The same as a table</summary><div "
         "class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Best techniques\"><table "
         "class=\"grid\"><thead><tr><th scope=\"col\">case</th><th scope=\"col\">technique</th>"
         "<th scope=\"col\" class=\"num\">speed-up</th><th scope=\"col\" class=\"num\">interval"
         "</th><th scope=\"col\" class=\"num\">of ceiling</th></tr></thead><tbody>" +
         rows + "</tbody></table></div></details></div></section>";
}

// Shapes carry the verdict without colour; the glyphs are those that plots.js draws.
std::string legend(const Model& model) {
  std::string out = "<p class=\"legend\"><span class=\"baseline\"><i>□</i> baseline</span>";
  for (const auto& [state, count] : model.tally.techniques) {
    const char* glyph = state == State::kFaster       ? "●"
                        : state == State::kSlower     ? "▲"
                        : state == State::kEquivalent ? "◆"
                                                      : "✕";
    const bool timed = state < State::kWrong;
    if (timed) {
      out += fmt::format("<span class=\"{0}\"><i>{1}</i> {0}</span>", name(state), glyph);
    }
  }
  return out + "</p>";
}

std::string roofline(const Model& model, const bench::Json& header) {
  Roofline data = collect_roofline(model, header);
  const Roofline on_gpu = collect_gpu_roofline(model, header);
  data.panels.insert(data.panels.end(), on_gpu.panels.begin(), on_gpu.panels.end());
  data.without_place += on_gpu.without_place;
  std::string out =
      "<section aria-labelledby=\"roofline\"><h2 id=\"roofline\">Roofline</h2><p>Every technique "
      "below what this machine, or its GPU, was measured to do.</p><div class=\"panel\">";
  const bool roofs = std::any_of(data.panels.begin(), data.panels.end(), [](const Panel& panel) {
    return !panel.compute.empty() || !panel.bandwidth.empty();
  });
  if (!roofs) out += "<p class=\"muted\">No measured ceilings in this run.</p>";
  if (data.panels.empty()) return out + "</div></section>";
  out +=
      plot_place("roofline", "all", 11 * data.panels.size(),
                 "Lines: measured ceilings, of the best kind of access to each level of memory "
                 "and of each instruction set. Points: techniques; the text below names the one in "
                 "focus.");
  out += legend(model);
  if (data.without_place > 0) {
    out += fmt::format(
        "<p class=\"muted\">{} without declared floating-point work or bytes: in the tables only."
        "</p>",
        counted(static_cast<std::size_t>(data.without_place), "row"));
  }
  return out + "</div></section>";
}

std::string lab_section(const LabView& lab, const bench::Json& header) {
  std::string out = fmt::format(
      "<section class=\"lab\" data-lab=\"{0}\" aria-labelledby=\"{0}\"><h2 id=\"{0}\">{1}</h2><p "
      "class=\"question\">{2}</p>",
      lab.id, escape(lab.name), escape(lab.cases[0].result->question));
  for (const auto& view : lab.cases) out.append("\n").append(render_case(view));
  out += "\n<div class=\"panel under\"><h3>Under the ceilings</h3>" +
         plot_place("roofline", lab.id, 11, "") +
         "<p class=\"muted\">To measure this lab again:</p><pre tabindex=\"0\">" +
         escape(describe_rerun(header, lab)) + "</pre></div>";
  return out + "</section>\n";
}

// Nothing in this page may run or reach out but our own scripts, whatever a record holds.
std::string policy() {
  std::string scripts;
  for (const Script& script : page_scripts()) {
    if (draws_load(script)) continue;
    scripts += fmt::format(" &#39;sha256-{}&#39;", script.sha256);
  }
  return fmt::format(
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; "
      "style-src &#39;unsafe-inline&#39;; img-src data:; script-src{}\">",
      scripts);
}

}  // namespace

std::string fact(const char* term, const std::string& escaped) {
  return escaped.empty() ? "" : fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", term, escaped);
}

std::string plot_place(const char* kind, const std::string& of, std::size_t rows,
                       const std::string& caption) {
  return fmt::format(
      "<figure class=\"plot\" data-plot=\"{0}\" data-of=\"{1}\"><div class=\"canvas\" "
      "style=\"min-height:{2}px\"></div>{3}<p class=\"says\" role=\"status\"></p></figure>",
      kind, of, 40 + 34 * rows, caption.empty() ? "" : "<figcaption>" + caption + "</figcaption>");
}

std::string render_html(const bench::RunRecord& run) {
  const Model model = build_model(run);
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">" +
      policy() +
      "<meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" "
      "href=\"data:,\">";
  out += fmt::format("<title>aisp run {}</title><style>{}</style></head>\n<body>",
                     escape(header_text(run.header, {"run_id"})), page_style());
  out += "<a class=\"skip\" href=\"#main\">To the results</a>" + page_header(run, model) + "\n" +
         navigation(model) + "\n<main id=\"main\" tabindex=\"-1\">" + render_failures(model) +
         tally(model) + "\n" + overview(model) + "\n" + roofline(model, run.header) + "\n";
  for (const LabView& lab : model.labs) out += lab_section(lab, run.header);
  out += render_ceilings(run.header) + "\n" + render_environment(run.header) + "\n" +
         render_reproduce(run.header) +
         "</main>\n<footer>Speed-up: the baseline's time over the technique's, from paired rounds. "
         "Samples: a tick for each, thinned to quantiles where there are many; the box "
         "holds the middle half, the black line is the median of the process. Drawn with "
         "Observable Plot and D3 "
         "(ISC licence).</footer>\n";
  out += "<script type=\"application/json\" id=\"data\">" + render_plot_data(model, run.header) +
         "</script>\n";
  for (const Script& script : page_scripts()) {
    if (draws_load(script)) continue;
    out.append("<script>").append(script.text).append("</script>\n");
  }
  return out + "</body></html>\n";
}

}  // namespace aisp::report
