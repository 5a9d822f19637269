// See plot_data.h.
#include "report/plot_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "base/units.h"
#include "report/roofline.h"

namespace aisp::report {
namespace {

using bench::Json;

// Four significant digits: finer than a pixel, and the same text on every machine.
Json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::strtod(fmt::format("{:.4g}", value).c_str(), nullptr);
}

Json positive(double value) { return value > 0.0 ? number(value) : Json(nullptr); }

// What a reader hears or sees of one mark.
std::string says(const CaseView& view, const Row& row) {
  const bench::TechniqueResult& t = *row.technique;
  std::string text = fmt::format("{}: {}", named(row), name(row.state));
  if (row.state != State::kBaseline) {
    text += fmt::format(" {} {}", format_ratio(row.speedup.estimate),
                        format_ratio_interval(row.speedup.low, row.speedup.high));
  }
  text += ", " + format_time(t.time_ns.estimate);
  for (const auto& rate : describe_rates(*view.result, t)) text += ", " + rate;
  const std::string ceiling = describe_ceiling(t);
  if (!ceiling.empty()) text += fmt::format(", {} ceiling", ceiling);
  return text;
}

Json samples_of(const bench::CaseResult& result, const Row& row) {
  const double middle = median(wall_samples(result, row.technique->name));
  Json all = Json::array();
  if (!(middle > 0.0)) return all;
  for (const auto& process : result.processes) {
    std::vector<double> relative;
    for (const double value : wall_samples(process, row.technique->name)) {
      relative.push_back(value / middle);
    }
    Json one = Json::array();
    for (const double value : thin(relative)) one.push_back(number(value));
    if (!one.empty()) all.push_back(std::move(one));
  }
  return all;
}

Json to_json(const CaseView& view, const Row& row) {
  Json json = {{"name", printable(row.technique->name)},
               {"state", name(row.state)},
               {"aside", row.aside},
               {"threads", row.technique->threads},
               {"speedup", nullptr}};
  if (!row.timed) return json;
  if (positive(row.speedup.estimate).is_number()) {
    json["speedup"] = {positive(row.speedup.estimate), positive(row.speedup.low),
                       positive(row.speedup.high)};
  }
  json["margin"] = positive(row.technique->margin);
  json["says"] = printable(says(view, row));
  json["samples"] = samples_of(*view.result, row);
  return json;
}

// The size belongs to the name where a case was measured in two.
std::string name_of(const LabView& lab, const CaseView& view) {
  const bench::CaseResult& result = *view.result;
  for (const auto& other : lab.cases) {
    if (&other != &view && other.result->case_name == result.case_name) {
      return fmt::format("{} {}", result.case_name, result.size);
    }
  }
  return result.case_name;
}

Json to_json(const LabView& lab, const CaseView& view) {
  const std::string& dtype = view.result->flops_dtype;
  Json json = {{"id", view.id},
               {"lab", printable(lab.name)},
               {"lab_id", lab.id},
               {"chapter", printable(chapter_of(lab))},
               {"name", printable(name_of(lab, view))},
               {"dtype", printable(dtype.empty() ? "f32" : dtype)},
               {"link", view.result->medium == "host link"},
               {"best", nullptr},
               {"rows", Json::array()}};
  for (const Row& row : view.rows) {
    if (&row == view.best()) json["best"] = json["rows"].size();
    json["rows"].push_back(to_json(view, row));
  }
  return json;
}

Json to_json(const Panel& panel) {
  Json json = {{"memory", panel.memory},
               {"gpu", printable(panel.gpu)},
               {"threads", panel.threads},
               {"roofs", Json::array()},
               {"points", Json::array()}};
  for (const Roof& roof : panel.compute) {
    json["roofs"].push_back({{"label", printable(roof.label)},
                             {"value", number(roof.value)},
                             {"dtype", printable(roof.dtype)}});
  }
  for (const Roof& roof : panel.bandwidth) {
    json["roofs"].push_back({{"label", printable(roof.label)},
                             {"value", number(roof.value)},
                             {"level", roof.level},
                             {"from", number(roof.from_bytes)},
                             {"to", number(roof.to_bytes)}});
  }
  for (const Point& point : panel.points) {
    json["points"].push_back({point.view, point.row, number(point.x), number(point.y)});
  }
  return json;
}

}  // namespace

std::vector<double> thin(std::span<const double> samples) {
  std::vector<double> kept(samples.begin(), samples.end());
  std::sort(kept.begin(), kept.end());
  if (kept.size() <= kQuantiles) return kept;
  std::vector<double> quantiles;
  for (std::size_t i = 0; i < kQuantiles; ++i) {
    // Between order statistics, linear, as in base/interval.h, without sorting again.
    const double at =
        (static_cast<double>(i) + 0.5) / kQuantiles * static_cast<double>(kept.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const double share = at - static_cast<double>(below);
    quantiles.push_back(kept[below] + share * (kept[below + 1] - kept[below]));
  }
  return quantiles;
}

std::string render_plot_data(const Model& model, const bench::Json& header) {
  Json json = {{"cases", Json::array()}, {"panels", Json::array()}};
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) json["cases"].push_back(to_json(lab, view));
  }
  for (const Roofline& roofline :
       {collect_roofline(model, header), collect_gpu_roofline(model, header)}) {
    for (const auto& panel : roofline.panels) json["panels"].push_back(to_json(panel));
  }
  std::string out;
  for (const char c : json.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace aisp::report
