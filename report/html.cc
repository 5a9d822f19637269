// The page: header, tally, a line a case, roofline, the labs, failures, environment. See html.h.
#include "report/html.h"

#include <fmt/format.h>

#include "base/units.h"
#include "report/html_parts.h"
#include "report/markup.h"
#include "report/roofline.h"
#include "report/svg.h"

namespace aisp::report {
namespace {

std::string fact(const char* term, const std::string& escaped) {
  return escaped.empty() ? "" : fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", term, escaped);
}

std::string machine_text(const bench::Json& header) {
  std::string text = escape(header_text(header, {"cpu", "model"}));
  const std::string cores = header_text(header, {"cpu", "cores"});
  if (!cores.empty()) text += fmt::format("{}{} cores", text.empty() ? "" : ", ", escape(cores));
  const double memory = header_number(header, {"cpu", "memory_bytes"});
  if (memory > 0.0) text += fmt::format("{}{}", text.empty() ? "" : ", ", format_bytes(memory));
  return text;
}

std::string page_header(const bench::RunRecord& run, const Model& model) {
  const bench::Json& header = run.header;
  std::string out =
      fmt::format("<header><h1>aisp run {}</h1>", escape(header_text(header, {"run_id"})));
  out += fmt::format("<p>{} technique{} against {} baseline{} in {} lab{}: {}.</p>",
                     model.tally.total(), model.tally.total() == 1 ? "" : "s",
                     model.tally.baselines, model.tally.baselines == 1 ? "" : "s",
                     model.labs.size(), model.labs.size() == 1 ? "" : "s", describe(model.tally));
  out += "<dl class=\"facts\">" + fact("machine", machine_text(header));
  out += fact("started", escape(header_text(header, {"started_utc"})));
  out += fact("aisp", escape(describe_build(header)));
  const std::string command = escape(describe_command(header));
  out += fact("command", command.empty() ? "" : "<code>" + command + "</code>");
  out += fact("hardware key", escape(header_text(header, {"hardware_key"}))) + "</dl>";
  if (run.torn_lines > 0) {
    out +=
        "<p class=\"notice\">The run was cut off: its last line was unfinished and is left out. "
        "Go on with <code>aisp bench run --resume</code>.</p>";
  }
  out += "<div class=\"tally\" aria-hidden=\"true\">";
  for (const auto& [state, count] : model.tally.techniques) {
    out += fmt::format("<span class=\"{}\" style=\"flex:{}\"></span>", name(state), count);
  }
  out += "</div><ul class=\"chips\">";
  for (const auto& [state, count] : model.tally.techniques) {
    out += fmt::format("<li class=\"{0}\"><b>{1}</b> {0}</li>", name(state), count);
  }
  if (model.tally.peers > 0) {
    out += fmt::format("<li class=\"baseline\"><b>{}</b> by peers</li>", model.tally.peers);
  }
  return out + "</ul></header>";
}

std::string navigation(const Model& model, bool failures) {
  std::string out = "<nav aria-label=\"Sections\"><ul>";
  for (std::size_t i = 0; i < model.labs.size(); ++i) {
    out += fmt::format("<li><a href=\"#lab-{}\">{}</a></li>", i + 1, escape(model.labs[i].name));
  }
  out += "<li><a href=\"#roofline\">roofline</a></li>";
  if (failures) out += "<li><a href=\"#failures\">failures</a></li>";
  return out + "<li><a href=\"#environment\">environment</a></li></ul></nav>";
}

// The best technique of each case, all on one axis.
std::string overview(const Model& model) {
  std::vector<Interval> speedups;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      if (const Row* best = view.best()) speedups.push_back(best->speedup);
    }
  }
  if (model.labs.empty()) return "<p class=\"muted\">This run has no results yet.</p>";
  const LogAxis axis = speedup_axis(speedups);
  std::string out = fmt::format(
      "<section aria-labelledby=\"glance\"><h2 id=\"glance\">The best technique of each case</h2>"
      "<div class=\"panel\"><table class=\"cards\"><thead><tr><th scope=\"col\">case</th><th "
      "scope=\"col\">technique</th><th scope=\"col\">speed-up</th><th scope=\"col\"><span "
      "class=\"hidden\">interval</span>{}</th><th "
      "scope=\"col\">of ceiling</th></tr></thead><tbody>",
      draw_axis(axis));
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      out += fmt::format("<tr><th scope=\"row\"><a href=\"#{}\">{}</a><small>{} {}</small></th>",
                         view.id, escape(lab.name), escape(view.result->case_name),
                         escape(view.result->size));
      const Row* best = view.best();
      if (!best) {
        out +=
            "<td colspan=\"4\" class=\"muted\">nothing shown to be faster than the baseline</td>";
        out += "</tr>";
        continue;
      }
      const std::string range = format_ratio_interval(best->speedup.low, best->speedup.high);
      const std::string ratio = format_ratio(best->speedup.estimate);
      out += fmt::format(
          "<td data-name=\"technique\" class=\"mono\"><div>{}</div></td><td class=\"num\" "
          "data-name=\"speed-up\"><div><b>{}</b> {}</div></td><td data-name=\"interval\">{}</td>",
          escape(best->technique->name), ratio, range,
          draw_interval(axis, best->speedup, best->technique->margin, name(best->state),
                        ratio + " " + range));
      const std::string ceiling = escape(describe_ceiling(*best->technique));
      out += ceiling.empty()
                 ? "<td></td></tr>"
                 : fmt::format("<td class=\"num\" data-name=\"of ceiling\">{}</td></tr>", ceiling);
    }
  }
  return out + "</tbody></table></div></section>";
}

std::string failures_section(const Model& model) {
  std::string out;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      for (std::size_t i = 0; i < view.rows.size(); ++i) {
        const Row& row = view.rows[i];
        if (!is_failure(row) && row.technique->last_output.empty()) continue;
        out += fmt::format(
            "<article class=\"panel\" id=\"{}\"><h3><span class=\"mono\">{}</span> <span "
            "class=\"verdict {}\">{}</span></h3><p class=\"muted\"><a href=\"#{}\">{}, {} "
            "{}</a></p>"
            "<p>{}</p>",
            failure_id(view, i), escape(row.technique->name), name(row.state), name(row.state),
            view.id, escape(lab.name), escape(view.result->case_name), escape(view.result->size),
            escape(explain(row)));
        if (!row.technique->last_output.empty()) {
          out += "<p class=\"muted\">Its last output:</p><pre tabindex=\"0\">" +
                 escape(row.technique->last_output, true) + "</pre>";
        }
        out += "</article>";
      }
    }
  }
  if (out.empty()) return "";
  return "<section aria-labelledby=\"failures\"><h2 id=\"failures\">Failures</h2>" + out +
         "</section>";
}

// Scalars as they are, lists joined, anything deeper as JSON.
std::string value_text(const bench::Json& value) {
  if (value.is_string()) return escape(value.get<std::string>());
  if (value.is_array()) {
    std::string text;
    for (const auto& item : value) text += (text.empty() ? "" : ", ") + value_text(item);
    return text;
  }
  return escape(value.dump(-1, ' ', false, bench::Json::error_handler_t::replace));
}

std::string cache_text(const bench::Json& cache) {
  const double size = header_number(cache, {"size_bytes"});
  const std::string sharing = header_text(cache, {"sharing_cores"});
  return fmt::format("L{}: {}, {} ways{}", escape(header_text(cache, {"level"})),
                     format_bytes(size), escape(header_text(cache, {"ways"})),
                     sharing == "1" ? "" : ", shared by " + escape(sharing) + " cores");
}

std::string environment_group(const char* title, const bench::Json& header, const char* key) {
  if (!header.is_object() || !header.contains(key) || !header.at(key).is_object()) return "";
  std::string rows;
  for (const auto& [term, value] : header.at(key).items()) {
    std::string text;
    if (term == "caches" && value.is_array()) {
      for (const auto& cache : value) text += (text.empty() ? "" : "<br>") + cache_text(cache);
    } else if (term.ends_with("_bytes") && value.is_number()) {
      text = format_bytes(value.get<double>());
    } else {
      text = value_text(value);
    }
    rows += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(term), text);
  }
  if (rows.empty()) return "";
  return fmt::format("<h3>{}</h3><table class=\"environment\"><tbody>{}</tbody></table>", title,
                     rows);
}

std::string environment(const bench::RunRecord& run) {
  std::string out =
      "<section aria-labelledby=\"environment\"><h2 id=\"environment\">Environment</h2>"
      "<div class=\"panel columns\">";
  for (const auto& [title, key] :
       {std::pair{"Machine", "cpu"}, std::pair{"State", "environment"}, std::pair{"Build", "aisp"},
        std::pair{"Libraries", "libraries"}, std::pair{"Options", "options"}}) {
    const std::string group = environment_group(title, run.header, key);
    if (!group.empty()) out += "<div>" + group + "</div>";
  }
  const std::string seed = escape(header_text(run.header, {"seed"}));
  if (!seed.empty()) out += fmt::format("<p class=\"muted\">Seed {}</p>", seed);
  return out + "</div></section>";
}

}  // namespace

std::string render_html(const bench::RunRecord& run) {
  const Model model = build_model(run);
  const std::string failures = failures_section(model);
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">"
      // Nothing in this page may run or reach out, whatever a record holds.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; img-src data:\"><link rel=\"icon\" href=\"data:,\">";
  out += fmt::format("<title>aisp run {}</title><style>{}</style></head>\n<body>",
                     escape(header_text(run.header, {"run_id"})), kStyle);
  out += "<a class=\"skip\" href=\"#main\">To the results</a>" + page_header(run, model) + "\n" +
         navigation(model, !failures.empty()) + "\n<main id=\"main\">" + overview(model) + "\n";
  for (std::size_t i = 0; i < model.labs.size(); ++i) {
    const LabView& lab = model.labs[i];
    out += fmt::format("<section aria-labelledby=\"lab-{0}\"><h2 id=\"lab-{0}\">{1}</h2><p>{2}</p>",
                       i + 1, escape(lab.name), escape(lab.cases[0].result->question));
    for (const auto& view : lab.cases) out.append("\n").append(render_case(view));
    out += "</section>\n";
  }
  out +=
      "<section aria-labelledby=\"roofline\"><h2 id=\"roofline\">Roofline</h2><div "
      "class=\"panel\">" +
      draw_roofline(model, run.header) + "</div></section>\n" + failures + "\n" + environment(run);
  return out +
         "</main>\n<footer>Speed-up: the baseline's time over the technique's, from paired rounds; "
         "its interval may be read at any time. Grey band: differences within the margin are of no "
         "interest. Strips: raw samples over their own median.</footer></body></html>\n";
}

}  // namespace aisp::report
