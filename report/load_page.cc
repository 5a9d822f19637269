// See load_page.h.
#include "report/load_page.h"

#include <fmt/format.h>

#include <cmath>

#include "base/units.h"
#include "report/assets.h"
#include "report/html_parts.h"
#include "report/markup.h"

namespace aisp::report {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

double number_of(const Json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found != json.end() && found->is_number() ? found->get<double>() : std::nan("");
}

Json part_of(const Json& json, const char* name) {
  return json.is_object() ? json.value(name, Json()) : Json();
}

std::string seconds(double value) { return format_time(value * 1e9); }

// A value with its interval below it.
std::string cell(const Json& figures, const char* name) {
  const Json interval = part_of(figures, name);
  return fmt::format("<td class=\"num\">{}<small>[{}, {}]</small></td>",
                     seconds(number_of(interval, "estimate")), seconds(number_of(interval, "low")),
                     seconds(number_of(interval, "high")));
}

std::string latencies(const Json& summary) {
  std::string out =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Latencies\"><table "
      "class=\"grid\"><thead><tr><th scope=\"col\">latency</th><th scope=\"col\" class=\"num\">"
      "count</th><th scope=\"col\" class=\"num\">p50</th><th scope=\"col\" class=\"num\">p90</th>"
      "<th scope=\"col\" class=\"num\">p99</th><th scope=\"col\" class=\"num\">max</th></tr>"
      "</thead><tbody>";
  constexpr std::pair<const char*, const char*> kRows[] = {
      {"TTFT", "ttft_s"}, {"TPOT", "tpot_s"}, {"ITL", "itl_s"},
      {"e2e", "e2e_s"},   {"late", "late_s"}, {"refusal", "refusal_s"}};
  for (const auto& [name, key] : kRows) {
    const Json figures = part_of(summary, key);
    if (!(number_of(figures, "count") > 0.0)) continue;
    out += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"num\">{:.0f}</td>{}{}{}<td "
        "class=\"num\">{}</td></tr>",
        name, number_of(figures, "count"), cell(figures, "p50"), cell(figures, "p90"),
        cell(figures, "p99"), seconds(number_of(figures, "max")));
  }
  return out + "</tbody></table></div>";
}

// "TTFT at most 500 ms, TPOT at most 100 ms"; nothing where none was given.
std::string objectives(const Json& slo) {
  constexpr std::pair<const char*, const char*> kLimits[] = {
      {"TTFT", "ttft_s"}, {"TPOT", "tpot_s"}, {"largest ITL", "itl_s"}};
  std::string out;
  for (const auto& [name, key] : kLimits) {
    const double limit = number_of(slo, key);
    if (!std::isfinite(limit)) continue;
    out += fmt::format("{}{} at most {}", out.empty() ? "" : ", ", name, seconds(limit));
  }
  return out;
}

std::string facts(const Json& summary) {
  std::string ended;
  const Json outcomes = part_of(summary, "outcomes");
  for (const auto& [name, count] : outcomes.items()) {
    if (!count.is_number()) continue;
    ended += fmt::format("{}{} {}", ended.empty() ? "" : ", ", count.get<double>(), escape(name));
  }
  const Json share = part_of(summary, "good_share");
  std::string out = "<dl class=\"facts\">" + fact("requests", ended);
  out += fact("offered", format_number(number_of(summary, "offered_per_s")) + " /s");
  out += fact("answered", format_number(number_of(summary, "answered_per_s")) + " /s");
  out += fact("tokens", format_number(number_of(summary, "answer_tokens_per_s")) + " /s");
  if (const std::string slo = objectives(part_of(summary, "slo")); !slo.empty()) {
    out += fact("goodput", format_number(number_of(summary, "goodput_per_s")) + " /s");
    out += fact("good", fmt::format("{} [{}, {}]: {}", format_percent(number_of(share, "estimate")),
                                    format_percent(number_of(share, "low")),
                                    format_percent(number_of(share, "high")), slo));
  }
  out += "</dl>";
  if (summary.value("steady", true) == false) {
    out += "<p class=\"notice\">Not steady: the first and the last third of this run differ.</p>";
  }
  if (summary.value("on_time", true) == false) {
    out += "<p class=\"notice\">The generator was late: no verdict follows from this run.</p>";
  }
  return out;
}

std::string run_section(const Json& run, std::size_t number) {
  const Json summary = part_of(run, "summary");
  const double rate = number_of(run, "rate");
  const std::string of = std::to_string(number);
  return fmt::format(
      "<section aria-labelledby=\"run-{0}\"><h2 id=\"run-{0}\">{1}{2}{3}</h2>{4}"
      "<div class=\"panel\">{5}</div><div class=\"panel\">{6}{7}</div></section>\n",
      of, escape(text_of(run, "side")),
      rate > 0.0 ? fmt::format(", {} requests/s", format_number(rate)) : "",
      text_of(run, "verdict").empty() ? "" : ", " + escape(text_of(run, "verdict")), facts(summary),
      latencies(summary),
      plot_place("time", of, 8,
                 "By the time at which requests were due. The band is what was "
                 "measured; crosses are failures."),
      plot_place("distribution", of, 8, "Share of latencies below a time."));
}

std::string comparison(const Json& record) {
  const Json rows = part_of(part_of(record, "comparison"), "rows");
  if (!rows.is_array()) return "";
  std::string out =
      "<section aria-labelledby=\"comparison\"><h2 id=\"comparison\">B over A</h2><div "
      "class=\"panel\"><table class=\"grid\"><thead><tr><th scope=\"col\">figure</th><th "
      "scope=\"col\" class=\"num\">ratio</th><th scope=\"col\" class=\"num\">interval</th><th "
      "scope=\"col\">B is</th></tr></thead><tbody>";
  for (const Json& row : rows) {
    const Json ratio = part_of(row, "ratio");
    out += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td><td>{}"
        "</td></tr>",
        escape(text_of(row, "name")), format_ratio(number_of(ratio, "estimate")),
        format_ratio_interval(number_of(ratio, "low"), number_of(ratio, "high")),
        escape(text_of(row, "verdict")));
  }
  return out +
         "</tbody></table><p class=\"muted\">Below 1x B is better in every row; of goodput "
         "and tokens/s the ratio is A over B.</p></div></section>";
}

// What a server of ours says of its own stages; nothing for others.
std::string stages(const Json& record) {
  const Json list = part_of(record, "stages");
  if (!list.is_array() || list.empty()) return "";
  std::string out =
      "<section aria-labelledby=\"stages\"><h2 id=\"stages\">The server's own stages</h2><div "
      "class=\"panel\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"Stages\"><table class=\"grid stages\"><thead><tr><th "
      "scope=\"col\">stage</th><th "
      "scope=\"col\" class=\"num\">count</th><th scope=\"col\" class=\"num\">mean</th><th "
      "scope=\"col\" class=\"num\">p50 at most</th><th scope=\"col\" class=\"num\">p99 at most"
      "</th></tr></thead><tbody>";
  for (const Json& stage : list) {
    out += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"num\">{:.0f}</td><td class=\"num\">{}</td><td "
        "class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
        escape(text_of(stage, "name")), number_of(stage, "count"),
        seconds(number_of(stage, "mean_s")), seconds(number_of(stage, "p50_s")),
        seconds(number_of(stage, "p99_s")));
  }
  return out + "</tbody></table></div></div></section>";
}

const char* title(const std::string& kind) {
  if (kind == "sweep") return "The highest rate that meets the objectives";
  return kind == "comparison" ? "B against A, in turns" : "What the load did to its users";
}

// What the script draws from: runs with their series; safe as the text of a script element.
std::string plot_data(const Json& record) {
  Json runs = Json::array();
  for (const Json& run : part_of(record, "runs")) {
    const double goodput = number_of(part_of(run, "summary"), "goodput_per_s");
    runs.push_back({{"rate", run.value("rate", 0.0)},
                    {"verdict", text_of(run, "verdict")},
                    {"goodput", goodput},
                    {"series", part_of(run, "series")}});
  }
  std::string out;
  for (const char c : runs.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    if (c == '<' || c == '>' || c == '&') {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string header(const Json& record) {
  std::string out = fmt::format("<header><p class=\"eyebrow\">aisp load</p><h1>{}</h1>",
                                title(text_of(record, "kind")));
  out +=
      fmt::format("<p class=\"lead\">{}</p><dl class=\"facts\">", escape(text_of(record, "load")));
  for (const Json& side : part_of(record, "sides")) {
    out += fact("against", escape(text_of(side, "name") + ": " + text_of(side, "says")));
  }
  out += fact("when", escape(text_of(record, "when")));
  out += fact("hardware key", escape(text_of(record, "hardware_key")));
  out += fact("generator",
              format_percent(number_of(part_of(record, "generator"), "cpu_share")) + " of a CPU");
  const Json sweep = part_of(record, "sweep");
  if (sweep.is_object()) {
    out += fact("highest rate that met", format_number(number_of(sweep, "met")) + " /s");
    out += fact("lowest that missed", format_number(number_of(sweep, "missed")) + " /s");
  }
  out += "</dl>";
  for (const Json& message : part_of(record, "messages")) {
    if (message.is_string()) {
      out += "<p class=\"notice\">" + escape(message.get<std::string>()) + "</p>";
    }
  }
  return out + "</header>";
}

}  // namespace

std::string load_html(const Json& record) {
  std::string hashes, scripts;
  for (const Script& script : page_scripts()) {
    if (!is_library(script) && !draws_load(script)) continue;
    hashes += fmt::format(" &#39;sha256-{}&#39;", script.sha256);
    scripts.append("<script>").append(script.text).append("</script>\n");
  }
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"><meta "
      "http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; img-src data:; "
      "script-src{}\"><meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" "
      "href=\"data:,\"><title>aisp load {}</title><style>{}</style></head>\n<body>",
      hashes, escape(text_of(record, "when")), page_style());
  out += header(record) + "\n<main id=\"main\">" + comparison(record);
  const Json runs = part_of(record, "runs");
  if (text_of(record, "kind") == "sweep") {
    out +=
        "<section aria-labelledby=\"rates\"><h2 id=\"rates\">Goodput against rate</h2><div "
        "class=\"panel\">" +
        plot_place("rates", "all", 8, "The grey line: every offered request good.") +
        "</div></section>";
  }
  for (std::size_t i = 0; i < runs.size(); ++i) out += run_section(runs[i], i);
  out += stages(record);
  out +=
      "</main>\n<footer>Times from due to what arrived. Drawn with Observable Plot and D3 (ISC "
      "licence).</footer>\n<script type=\"application/json\" id=\"data\">" +
      plot_data(record) + "</script>\n" + scripts;
  return out + "</body></html>\n";
}

}  // namespace aisp::report
