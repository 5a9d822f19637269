// Costs as JSON and back. What is read may come from anybody's cache folder: everything is checked.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "machine/costs.h"

namespace aisp::machine {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void malformed(const std::string& what) {
  throw Error(what, "costs", "measure them again with aisp machine --refresh");
}

double positive(const Json& value) {
  if (!value.is_number()) malformed("a figure is not a number");
  const double number = value.get<double>();
  if (!std::isfinite(number) || number <= 0) malformed("a figure is not positive");
  return number;
}

Interval interval_of(const Json& object) {
  const Interval interval{positive(object.at("estimate")), positive(object.at("low")),
                          positive(object.at("high"))};
  if (!interval.contains(interval.estimate)) malformed("an estimate lies outside its interval");
  return interval;
}

void add_interval(Json& object, const Interval& interval) {
  object["estimate"] = interval.estimate;
  object["low"] = interval.low;
  object["high"] = interval.high;
}

Costs parse(const Json& json) {
  Costs costs;
  costs.cores = json.at("cores").get<int>();
  costs.load1 = json.at("load1").get<double>();
  costs.seconds = json.at("seconds").get<double>();
  costs.disk_folder = json.at("disk_folder").get<std::string>();
  for (const Json& entry : json.at("rows")) {
    costs.costs.push_back({entry.at("name").get<std::string>(), entry.at("unit").get<std::string>(),
                           interval_of(entry), positive(entry.at("best")),
                           entry.at("detail").get<std::string>()});
  }
  for (const Json& entry : json.at("core_pairs")) {
    costs.core_pairs.push_back(
        {entry.at("a").get<int>(), entry.at("b").get<int>(), interval_of(entry)});
  }
  for (const Json& entry : json.at("not_measured")) {
    costs.missing.push_back(
        {entry.at("name").get<std::string>(), entry.at("why").get<std::string>()});
  }
  return costs;
}

}  // namespace

Json to_json(const Costs& costs) {
  Json json = {{"cores", costs.cores},     {"load1", costs.load1},
               {"seconds", costs.seconds}, {"disk_folder", costs.disk_folder},
               {"rows", Json::array()},    {"core_pairs", Json::array()},
               {"not_measured", Json::array()}};
  for (const Cost& cost : costs.costs) {
    Json row = {{"name", cost.name}, {"unit", cost.unit}};
    add_interval(row, cost.value);
    row["best"] = cost.best;
    row["detail"] = cost.detail;
    json["rows"].push_back(std::move(row));
  }
  for (const CorePair& pair : costs.core_pairs) {
    Json entry = {{"a", pair.a}, {"b", pair.b}};
    add_interval(entry, pair.ns);
    json["core_pairs"].push_back(std::move(entry));
  }
  for (const NotMeasured& missing : costs.missing) {
    json["not_measured"].push_back({{"name", missing.name}, {"why", missing.why}});
  }
  return json;
}

Costs costs_from_json(const Json& json) {
  try {
    return parse(json);
  } catch (const Json::exception& problem) {
    malformed(fmt::format("not readable ({})", problem.what()));
  }
}

}  // namespace aisp::machine
