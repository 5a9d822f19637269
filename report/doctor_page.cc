// Lays out an examination. See doctor_page.h.
#include "report/doctor_page.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "report/assets.h"
#include "report/markup.h"

namespace aisp::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kOrder = {"fail",       "warn",         "ok",    "not applicable",
                               "cannot see", "not measured", "listed"};

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

const Json& rows_of(const Json& document) { return document.at("rows"); }

std::string title_of(const Json& document) {
  const std::string host = text_of(document, "host");
  return "Examination of " + (host.empty() ? std::string("a machine") : host);
}

std::string summary_line(const Json& document) {
  const Json& summary = document.at("summary");
  std::string line = fmt::format("{} items, {} decided by evidence here", summary.value("items", 0),
                                 summary.value("decided", 0));
  for (const char* verdict : kOrder) {
    const int count = summary.value(verdict, 0);
    if (count > 0) line += fmt::format(", {} {}", count, verdict);
  }
  return line + ".";
}

std::string fix_text(const Json& fix) {
  const std::string kind = text_of(fix, "kind"), target = text_of(fix, "target");
  const std::string value = text_of(fix, "value");
  if (kind == "write") return fmt::format("echo '{}' > {}", value, target);
  if (kind == "variable") return fmt::format("export {}={}", target, value);
  return target;
}

// Evidence, cost and remedy of one row.
std::string details(const Json& row) {
  std::string out;
  const Json evidence = row.value("evidence", Json::array());
  if (!evidence.empty()) {
    out +=
        "<div class=\"scroll\"><table><thead><tr><th>evidence</th><th>value</th></tr></thead>"
        "<tbody>";
    for (const Json& reading : evidence) {
      out += fmt::format("<tr><td><code>{}</code></td><td><code>{}</code></td></tr>",
                         escape(text_of(reading, "source")), escape(text_of(reading, "value")));
    }
    out += "</tbody></table></div>";
  }
  if (const std::string cost = text_of(row, "cost"); !cost.empty()) {
    out += fmt::format("<p><b>Costs</b> {}</p>", escape(cost));
  }
  if (const std::string remedy = text_of(row, "remedy"); !remedy.empty()) {
    out += fmt::format("<p><b>Remedy</b> {}</p>", escape(remedy));
  }
  const Json fixes = row.value("fixes", Json::array());
  if (!fixes.empty()) {
    out += "<pre>";
    for (const Json& fix : fixes) out += escape(fix_text(fix), true) + "\n";
    out += "</pre>";
  }
  return out;
}

std::string heading(const Json& row) {
  return fmt::format("<b>{}</b> {}: {}", escape(text_of(row, "verdict")),
                     escape(text_of(row, "id")), escape(text_of(row, "says")));
}

std::string problems(const Json& document) {
  std::string out;
  for (const char* verdict : {"fail", "warn"}) {
    for (const Json& row : rows_of(document)) {
      if (text_of(row, "verdict") != verdict) continue;
      out += fmt::format("<details class=\"{}\" open><summary>{}</summary>{}</details>", verdict,
                         heading(row), details(row));
    }
  }
  return out.empty() ? "<p>Nothing fails or warns.</p>" : out;
}

std::string all_rows(const Json& document) {
  std::string out, section;
  for (const Json& row : rows_of(document)) {
    if (text_of(row, "section") != section) {
      if (!section.empty()) out += "</tbody></table></div>";
      section = text_of(row, "section");
      out += fmt::format(
          "<h3>{}</h3><div class=\"scroll\"><table><thead><tr><th>verdict</th>"
          "<th>item</th><th>what was found</th></tr></thead><tbody>",
          escape(section));
    }
    out += fmt::format("<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
                       escape(text_of(row, "verdict")), escape(text_of(row, "id")),
                       escape(text_of(row, "says")));
  }
  return section.empty() ? out : out + "</tbody></table></div>";
}

// A cell of a Markdown table: no bars, no line ends.
std::string cell(std::string text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string doctor_html(const Json& document) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'\"><title>{0}</title><style>{1}</style></head><body><main>"
      "<h1>{0}</h1><p class=\"lead\">{2}</p><p>{3}, aisp {4}.</p><h2>What costs something</h2>{5}"
      "<h2>Every item</h2>{6}</main></body></html>\n",
      escape(title_of(document)), page_style(), escape(summary_line(document)),
      escape(text_of(document, "when")), escape(text_of(document, "program")), problems(document),
      all_rows(document));
}

std::string doctor_markdown(const Json& document) {
  std::string out = fmt::format("# {}\n\n{}\n", title_of(document), summary_line(document));
  for (const char* verdict : {"fail", "warn"}) {
    for (const Json& row : rows_of(document)) {
      if (text_of(row, "verdict") != verdict) continue;
      out +=
          fmt::format("\n## {}: {}\n\n{}\n\n", verdict, text_of(row, "id"), text_of(row, "says"));
      for (const Json& reading : row.value("evidence", Json::array())) {
        out += fmt::format("- `{}`: `{}`\n", text_of(reading, "source"),
                           cell(text_of(reading, "value")));
      }
      if (!text_of(row, "cost").empty()) out += fmt::format("- costs: {}\n", text_of(row, "cost"));
      out += fmt::format("- remedy: {}\n", text_of(row, "remedy"));
      for (const Json& fix : row.value("fixes", Json::array())) {
        out += fmt::format("\n      {}\n", fix_text(fix));
      }
    }
  }
  out += "\n| verdict | item | found |\n|---|---|---|\n";
  for (const Json& row : rows_of(document)) {
    out += fmt::format("| {} | `{}` | {} |\n", text_of(row, "verdict"), text_of(row, "id"),
                       cell(text_of(row, "says")));
  }
  return out;
}

}  // namespace aisp::report
