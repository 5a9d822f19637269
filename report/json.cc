// See json.h.
#include "report/json.h"

#include <cmath>

#include "report/model.h"

namespace aisp::report {
namespace {

using bench::Json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json to_json(const Tally& tally) {
  Json json = {{"cases", tally.cases}, {"baselines", tally.baselines}, {"peers", tally.peers}};
  json["techniques"] = Json::object();
  for (const auto& [state, count] : tally.techniques) json["techniques"][name(state)] = count;
  return json;
}

Json to_json(const CaseView& view) {
  Json json = bench::to_json(*view.result);
  json.erase("schema");
  json.erase("processes");
  const Row* best = view.best();
  json["best"] = best ? Json(best->technique->name) : Json(nullptr);
  for (std::size_t i = 0; i < view.rows.size(); ++i) {
    const Row& row = view.rows[i];
    Json& technique = json["techniques"][i];
    technique["state"] = name(row.state);
    technique["speedup"] = nullptr;
    if (row.timed) {
      technique["speedup"] = {{"estimate", number(row.speedup.estimate)},
                              {"low", number(row.speedup.low)},
                              {"high", number(row.speedup.high)}};
    }
    technique["samples"] = wall_samples(*view.result, row.technique->name).size();
  }
  return json;
}

}  // namespace

std::string render_json(const bench::RunRecord& run) {
  const Model model = build_model(run);
  Json json = {{"schema", "aisp.report/1"}, {"run", run.header}, {"torn_lines", run.torn_lines}};
  json["tally"] = to_json(model.tally);
  json["results"] = Json::array();
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) json["results"].push_back(to_json(view));
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace aisp::report
