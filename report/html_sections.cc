// The sections around the labs: what failed, the machine and its ceilings, how to measure again.
#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "report/html_parts.h"
#include "report/markup.h"
#include "report/topology_svg.h"

namespace aisp::report {
namespace {

// It failed only because there was nothing to compare it with.
bool fell_with_baseline(const CaseView& view, const Row& row) {
  return is_failure(row) && row.technique->name != view.result->baseline &&
         row.technique->detector.empty() && row.technique->last_output.empty() &&
         is_failure(view.rows.front());
}

std::string failure(const LabView& lab, const CaseView& view, std::size_t index) {
  const Row& row = view.rows[index];
  const auto others = std::count_if(view.rows.begin(), view.rows.end(), [&](const Row& other) {
    return fell_with_baseline(view, other);
  });
  std::string with_it;
  if (index == 0 && others > 0) {
    with_it = fmt::format("; it is the baseline: {} technique{} could not be compared", others,
                          others == 1 ? "" : "s");
  }
  std::string out = fmt::format(
      "<article class=\"panel failure\" id=\"{}\"><h3><span class=\"mono\">{}</span> <span "
      "class=\"verdict {}\">{}</span></h3><p>{}</p><p class=\"muted\"><a href=\"#{}\">{}, {} "
      "{}</a></p>",
      failure_id(view, index), escape(row.technique->name), name(row.state), name(row.state),
      escape(explain(row)) + with_it, view.id, escape(lab.name), escape(view.result->case_name),
      escape(view.result->size));
  if (!row.technique->last_output.empty()) {
    out += "<p class=\"muted\">Its last output:</p><pre tabindex=\"0\">" +
           escape(row.technique->last_output, true) + "</pre>";
  }
  return out + "</article>";
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
  const bench::Json* group = find(header, {key});
  if (group == nullptr || !group->is_object()) return "";
  std::string rows;
  for (const auto& [term, value] : group->items()) {
    if (term == "ceilings") continue;  // a section of their own
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
  return fmt::format("<div><h3>{}</h3><table class=\"environment\"><tbody>{}</tbody></table></div>",
                     title, rows);
}

// A table of ceilings: a row for each first key, a column for each second, in order of appearance.
struct Grid {
  std::vector<std::string> rows, columns;
  std::map<std::pair<std::string, std::string>, std::string> cells;

  void add(const std::string& row, const std::string& column, const std::string& cell) {
    if (std::find(rows.begin(), rows.end(), row) == rows.end()) rows.push_back(row);
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) {
      columns.push_back(column);
    }
    cells[{row, column}] = cell;
  }

  std::string render(const char* title) const {
    if (rows.empty()) return "";
    std::string out = fmt::format(
        "<div><h3>{0}</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"{0}\"><table class=\"grid\"><thead><tr><td></td>",
        title);
    for (const auto& column : columns) {
      out += fmt::format("<th scope=\"col\" class=\"num\">{}</th>", escape(column));
    }
    out += "</tr></thead><tbody>";
    for (const auto& row : rows) {
      out += fmt::format("<tr><th scope=\"row\">{}</th>", escape(row));
      for (const auto& column : columns) {
        const auto found = cells.find({row, column});
        out += fmt::format("<td class=\"num\">{}</td>", found == cells.end() ? "" : found->second);
      }
      out += "</tr>";
    }
    return out + "</tbody></table></div></div>";
  }
};

std::string threads_text(const bench::Json& entry) {
  const int threads = entry.at("threads").get<int>();
  return fmt::format("{} thread{}", threads, threads == 1 ? "" : "s");
}

Grid compute_grid(const bench::Json& entries) {
  Grid grid;
  for (const auto& entry : entries) {
    grid.add(entry.at("isa").get<std::string>() + " " + entry.at("dtype").get<std::string>(),
             threads_text(entry),
             format_rate(entry.at("gflop_per_s").at("estimate").get<double>() * 1e9, "OP/s"));
  }
  return grid;
}

Grid bandwidth_grid(const bench::Json& entries) {
  Grid grid;
  for (const auto& entry : entries) {
    const int level = entry.at("level").get<int>();
    const std::string where = level == 0 ? "DRAM" : fmt::format("L{}", level);
    grid.add(where + " " + entry.at("kind").get<std::string>(), threads_text(entry),
             format_rate(entry.at("gb_per_s").at("estimate").get<double>() * 1e9, "B/s"));
  }
  return grid;
}

// What the GPU was measured to do: every figure with its interval.
std::string gpu_ceilings(const bench::Json& header) {
  Grid grid;
  for (const auto& cost : header.at("device").at("ceilings").at(0).at("costs")) {
    const auto name = cost.at("name").get<std::string>();
    grid.add(name, "median", format_number(cost.at("median").get<double>()));
    grid.add(name, "interval",
             fmt::format("[{}, {}]", format_number(cost.at("low").get<double>()),
                         format_number(cost.at("high").get<double>())));
    grid.add(name, "unit", escape(cost.at("unit").get<std::string>()));
    grid.add(name, "how", escape(cost.at("detail").get<std::string>()));
  }
  return grid.render("GPU");
}

// What does not have the documented shape is no ceiling.
template <class Render>
std::string or_nothing(Render render) {
  try {
    return render();
  } catch (const bench::Json::exception&) {
    return "";
  }
}

}  // namespace

bool is_failure(const Row& row) {
  return row.state == State::kWrong || row.state == State::kImpossible ||
         row.state == State::kFailed;
}

std::string failure_id(const CaseView& view, std::size_t row) {
  return fmt::format("{}-row-{}", view.id, row + 1);
}

std::string render_failures(const Model& model) {
  std::string out;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      for (std::size_t i = 0; i < view.rows.size(); ++i) {
        const bool shown = is_failure(view.rows[i]) || !view.rows[i].technique->last_output.empty();
        if (shown && !fell_with_baseline(view, view.rows[i])) out += failure(lab, view, i);
      }
    }
  }
  if (model.tally.total() == 0 && out.empty()) return "<p id=\"failures\"></p>";
  int open = 0;
  for (const State state : {State::kInconclusive, State::kNoisy, State::kUnchecked}) {
    const auto found = model.tally.techniques.find(state);
    if (found != model.tally.techniques.end()) open += found->second;
  }
  const std::string note =
      open == 0 ? "" : fmt::format(" No claim rests on {} that stayed open.", open);
  if (out.empty()) {
    return "<p class=\"good\" id=\"failures\">Nothing failed: every output that was timed is right "
           "and possible." +
           note + "</p>";
  }
  return "<section aria-labelledby=\"failures\"><h2 id=\"failures\">What failed, and why</h2><div "
         "class=\"failures\">" +
         out + "</div><p class=\"muted\">" + note + "</p></section>";
}

std::string render_ceilings(const bench::Json& header) {
  std::string tables = or_nothing([&] {
    const bench::Json& ceilings = header.at("ceilings");
    return compute_grid(ceilings.at("compute")).render("Compute") +
           bandwidth_grid(ceilings.at("bandwidth")).render("Bandwidth");
  });
  tables += or_nothing([&] { return gpu_ceilings(header); });
  if (tables.empty()) tables = "<p class=\"muted\">This run has no measured ceilings.</p>";
  return "<section aria-labelledby=\"ceilings\"><h2 id=\"ceilings\">Measured ceilings</h2><div "
         "class=\"panel columns\">" +
         tables + "</div></section>";
}

std::string render_environment(const bench::Json& header) {
  std::string out =
      "<section aria-labelledby=\"environment\"><h2 id=\"environment\">Environment</h2>"
      "<div class=\"panel columns\">";
  for (const auto& [title, key] :
       {std::pair{"Machine", "cpu"}, std::pair{"GPU", "device"}, std::pair{"State", "environment"},
        std::pair{"Build", "aisp"}, std::pair{"Libraries", "libraries"},
        std::pair{"Options", "options"}}) {
    out += environment_group(title, header, key);
  }
  out += "</div>";
  // Older records have none.
  const std::string picture = topology_svg(header.value("topology", bench::Json()));
  if (!picture.empty()) {
    out += "<div class=\"panel scroll\" tabindex=\"0\"><h3>What is near what</h3>" + picture +
           "</div>";
  }
  return out + "</section>";
}

std::string render_reproduce(const bench::Json& header) {
  const std::string commit = header_text(header, {"aisp", "git_commit"});
  const std::string seed = header_text(header, {"seed"});
  std::string lines;
  if (!commit.empty()) lines += "git checkout " + escape(commit) + "\n";
  lines += "make build\n" + escape(describe_command(header));
  std::string out =
      "<section aria-labelledby=\"reproduce\"><h2 id=\"reproduce\">Reproduce</h2><div "
      "class=\"panel\"><pre tabindex=\"0\">" +
      lines + "</pre>";
  if (header_text(header, {"aisp", "git_dirty"}) == "true") {
    out += "<p class=\"notice\">The sources were modified after that commit.</p>";
  }
  if (!seed.empty() && seed != "0") {
    out += fmt::format("<p class=\"muted\">Seed of the inputs: {}.</p>", escape(seed));
  } else {
    out +=
        "<p class=\"muted\">Seeds of the inputs were secret while measuring; each case shows "
        "those it used.</p>";
  }
  return out + "</div></section>";
}

}  // namespace aisp::report
