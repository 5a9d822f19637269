// Files of expectations and the rule that keeps them. See expectations.h.
#include "bench/expectations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "bench/json_interval.h"
#include "bench/spread.h"

namespace aisp::bench {
namespace {

// A recorded value may move by this much unasked: the margin below which ratios are of no interest.
constexpr double kMargin = 0.01;

// One-sided: of a hundred updates without a change, one is asked about.
constexpr double kUnlikely = 0.01;

Json to_json(const Observation& o) {
  Json json = {{"run_id", o.run_id},
               {"utc", o.utc},
               {"commit", o.commit},
               {"dirty", o.dirty},
               {"compiler", o.compiler},
               {"source_hash", o.source_hash},
               {"ratio", interval_to_json(o.ratio)},
               {"ceiling_fraction", number_to_json(o.ceiling_fraction)},
               {"rounds", o.rounds},
               {"processes", o.processes},
               {"load1", number_to_json(o.load1)}};
  if (o.beside_fraction) json["beside_fraction"] = interval_to_json(*o.beside_fraction);
  return json;
}

Observation observation_from(const Json& json) {
  Observation o;
  json.at("run_id").get_to(o.run_id);
  json.at("utc").get_to(o.utc);
  json.at("commit").get_to(o.commit);
  json.at("dirty").get_to(o.dirty);
  json.at("compiler").get_to(o.compiler);
  json.at("source_hash").get_to(o.source_hash);
  o.ratio = interval_from_json(json.at("ratio"));
  o.ceiling_fraction = number_from_json(json.at("ceiling_fraction"), 0.0);
  if (json.contains("beside_fraction")) {
    o.beside_fraction = interval_from_json(json.at("beside_fraction"));
  }
  json.at("rounds").get_to(o.rounds);
  json.at("processes").get_to(o.processes);
  o.load1 = number_from_json(json.at("load1"), 0.0);
  if (!(o.ratio.estimate > 0.0)) throw Error("a ratio is not a positive number", "", "");
  return o;
}

Expectations expectations_from(const Json& json) {
  Expectations expectations;
  if (json.at("schema") != kExpectationsSchema) {
    throw Error("not of schema " + std::string(kExpectationsSchema), "", "");
  }
  json.at("lab").get_to(expectations.lab);
  json.at("hardware_key").get_to(expectations.hardware_key);
  for (const auto& [key, one] : json.at("cases").items()) {
    ExpectedCase& into = expectations.cases[key];
    one.at("baseline").get_to(into.baseline);
    for (const auto& [name, technique] : one.at("techniques").items()) {
      ExpectedTechnique& expected = into.techniques[name];
      technique.at("accepted").get_to(expected.accepted);
      technique.at("anchor").get_to(expected.anchor);
      if (!(expected.anchor > 0.0)) throw Error("an anchor is not a positive number", "", "");
      for (const Json& run : technique.at("runs")) expected.runs.push_back(observation_from(run));
      if (expected.runs.empty()) throw Error("no runs for " + name, "", "");
    }
  }
  return expectations;
}

// Standard deviation from the differences of neighbours: noise counts in full, a drift hardly.
// Source: von Neumann, Ann. Math. Statist. 12 (1941).
double jitter(const std::vector<Interval>& ratios) {
  double squares = 0.0;
  for (std::size_t i = 1; i < ratios.size(); ++i) {
    const double step = std::log(ratios[i].estimate / ratios[i - 1].estimate);
    squares += step * step;
  }
  return std::sqrt(squares / (2.0 * static_cast<double>(ratios.size() - 1)));
}

// Many small steps are one large one: the centre of the runs may not creep away from the anchor.
UpdateRow take(ExpectedTechnique& expected, const Observation& fresh, const std::string& accept) {
  const double x = std::log(fresh.ratio.estimate);
  if (expected.runs.empty()) {
    expected = {{fresh}, fresh.ratio.estimate, ""};
    return {UpdateRow::Kind::kFirst, "", fmt::format("{:.4g}", fresh.ratio.estimate)};
  }
  std::vector<Interval> ratios;
  for (const Observation& run : expected.runs) ratios.push_back(run.ratio);
  const Spread spread = spread_of(ratios);
  const double was = std::exp(spread.centre);
  const std::string change = fmt::format("{:.4g} -> {:.4g} times the baseline's time ({} runs)",
                                         was, fresh.ratio.estimate, expected.runs.size());
  if (p_quicker(spread, x, 1) < kUnlikely && fresh.ratio.high < was / (1.0 + kMargin)) {
    expected = {{fresh}, fresh.ratio.estimate, ""};
    return {UpdateRow::Kind::kBetter, "", change};
  }
  ExpectedTechnique longer = expected;
  longer.runs.push_back(fresh);
  if (longer.runs.size() > kRunsKept) longer.runs.erase(longer.runs.begin());
  ratios.push_back(fresh.ratio);
  const double creep = spread_of(ratios).centre - std::log(expected.anchor);
  const bool worse = p_slower(spread, x, 1) < kUnlikely && fresh.ratio.low > was * (1.0 + kMargin);
  const bool creeps = creep > std::max(std::log1p(kMargin), 2.0 * jitter(ratios));
  const bool learning = expected.runs.size() < kLeastRuns;
  if (learning || (!worse && !creeps)) {
    expected = std::move(longer);
    return {worse && learning ? UpdateRow::Kind::kLearning : UpdateRow::Kind::kConfirmed, "",
            change};
  }
  if (accept.empty()) return {UpdateRow::Kind::kRefused, "", change};
  expected = {{fresh},
              fresh.ratio.estimate,
              fmt::format("{}: {} (was {:.4g})", fresh.utc.substr(0, 10), accept, was)};
  return {UpdateRow::Kind::kAccepted, "", change};
}

}  // namespace

const char* name(UpdateRow::Kind kind) {
  switch (kind) {
    case UpdateRow::Kind::kFirst:
      return "new";
    case UpdateRow::Kind::kLearning:
      return "worse, learning";
    case UpdateRow::Kind::kConfirmed:
      return "confirmed";
    case UpdateRow::Kind::kBetter:
      return "better";
    case UpdateRow::Kind::kAccepted:
      return "worse, accepted";
    case UpdateRow::Kind::kRefused:
      return "worse, refused";
    case UpdateRow::Kind::kLeft:
      return "left out";
  }
  return "?";
}

Json to_json(const Expectations& expectations) {
  Json json = {{"schema", kExpectationsSchema},
               {"lab", expectations.lab},
               {"hardware_key", expectations.hardware_key},
               {"cases", Json::object()}};
  for (const auto& [key, one] : expectations.cases) {
    Json& into = json["cases"][key];
    into = {{"baseline", one.baseline}, {"techniques", Json::object()}};
    for (const auto& [name, technique] : one.techniques) {
      Json runs = Json::array();
      for (const Observation& run : technique.runs) runs.push_back(to_json(run));
      into["techniques"][name] = {{"accepted", technique.accepted},
                                  {"anchor", technique.anchor},
                                  {"runs", std::move(runs)}};
    }
  }
  return json;
}

std::string expectations_path(const std::string& root, const std::string& lab_folder,
                              const std::string& hardware_key) {
  return (std::filesystem::path(root) / lab_folder / "expectations" / (hardware_key + ".json"))
      .string();
}

Expectations read_expectations(const std::string& path, const std::string& lab,
                               const std::string& hardware_key) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {lab, hardware_key, {}};
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const char* remedy = "restore it from version control, or remove it and record it again";
  try {
    Expectations expectations = expectations_from(Json::parse(text));
    if (expectations.lab != lab || expectations.hardware_key != hardware_key) {
      throw Error("belongs to " + expectations.lab + " on " + expectations.hardware_key, "", "");
    }
    return expectations;
  } catch (const Json::exception& problem) {
    throw Error(fmt::format("damaged expectations: {}", problem.what()), path, remedy);
  } catch (const Error& problem) {
    throw Error("damaged expectations: " + problem.problem(), path, remedy);
  }
}

Observation observe(const RunRecord& run, const CaseResult& result,
                    const TechniqueResult& technique) {
  Observation o;
  const Json build = run.header.value("aisp", Json::object());
  o.run_id = run.header.value("run_id", "");
  o.utc = result.started_utc;
  o.commit = build.value("git_commit", "");
  o.dirty = build.value("git_dirty", false);
  o.compiler = build.value("compiler", "");
  o.source_hash = result.source_hash;
  o.ratio = technique.pair.ratio;
  o.ceiling_fraction = technique.ceiling_fraction;
  if (!technique.beside.empty()) o.beside_fraction = technique.beside_fraction;
  o.rounds = technique.pair.rounds;
  o.processes = result.processes.size();
  o.load1 = result.load1;
  return o;
}

std::vector<UpdateRow> update(Expectations& expectations, const RunRecord& run,
                              const CaseResult& result, const std::string& accept) {
  std::vector<UpdateRow> rows;
  ExpectedCase& into = expectations.cases[result.case_name + "/" + result.size];
  if (into.baseline.empty()) into.baseline = result.baseline;
  if (into.baseline != result.baseline) {
    const std::string change =
        fmt::format("the baseline was {} and is {}", into.baseline, result.baseline);
    if (accept.empty()) return {{UpdateRow::Kind::kRefused, result.key(), change}};
    into = {result.baseline, {}};
    rows.push_back({UpdateRow::Kind::kAccepted, result.key(), change});
  }
  for (const TechniqueResult& technique : result.techniques) {
    if (technique.role != "technique") continue;
    const std::string row = result.key() + " " + technique.name;
    if (technique.outcome != Outcome::kOk) {
      rows.push_back({UpdateRow::Kind::kLeft, row,
                      fmt::format("{}: {}", name(technique.outcome), technique.reason)});
      continue;
    }
    const Observation fresh = observe(run, result, technique);
    ExpectedTechnique& expected = into.techniques[technique.name];
    const bool known = std::any_of(expected.runs.begin(), expected.runs.end(), [&](const auto& o) {
      return o.run_id == fresh.run_id && o.utc == fresh.utc;
    });
    if (known) {
      rows.push_back({UpdateRow::Kind::kLeft, row, "this run is in it already"});
      continue;
    }
    rows.push_back(take(expected, fresh, accept));
    rows.back().row = row;
  }
  if (into.techniques.empty()) expectations.cases.erase(result.case_name + "/" + result.size);
  return rows;
}

std::string hardware_key_of(const Json& header, const std::string& device) {
  if (device == "cpu") return header.value("hardware_key", "");
  return header.contains("device") ? header.at("device").value("hardware_key", "") : "";
}

std::vector<UpdateRow> update_expectations(const RunRecord& run, const std::string& root,
                                           const std::string& accept) {
  // By the lab's folder and the key of what ran it.
  std::map<std::pair<std::string, std::string>, std::vector<const CaseResult*>> by_folder;
  for (const CaseResult& result : run.results) {
    if (!result.checks_off.empty()) {
      throw Error("checks were switched off: no claim rests on this run", run.folder,
                  "run it again without --without-check");
    }
    by_folder[{result.folder, hardware_key_of(run.header, result.device)}].push_back(&result);
  }
  std::vector<UpdateRow> rows;
  for (const auto& [home_and_key, results] : by_folder) {
    const auto& [folder, key] = home_and_key;
    if (key.empty()) continue;  // nothing of it ran
    const std::string path = expectations_path(root, folder, key);
    const std::filesystem::path home = std::filesystem::path(root) / folder;
    const std::string lab_file = home.parent_path().string() + ".toml";  // of labs of commands
    if (!std::filesystem::is_directory(home) && !std::filesystem::exists(lab_file)) {
      throw Error("no such lab folder", home.string(),
                  "run it at the root of the source tree, or name that with --root");
    }
    Expectations expectations = read_expectations(path, results.front()->lab, key);
    const std::string before = to_json(expectations).dump();
    for (const CaseResult* result : results) {
      const auto more = update(expectations, run, *result, accept);
      rows.insert(rows.end(), more.begin(), more.end());
    }
    const Json after = to_json(expectations);
    if (after.dump() == before) continue;
    std::error_code failure;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failure);
    if (failure) throw Error("cannot be created: " + failure.message(), path, "check its folder");
    write_file_atomically(path, after.dump(1) + "\n");
  }
  return rows;
}

}  // namespace aisp::bench
