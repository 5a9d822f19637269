// Measures that are already on record: what stored runs say about rooflines, money and regressions.
//
// Source: Williams, Waterman, Patterson, CACM 52 (2009) (roofline); docs/GATE.md.
#include <fmt/format.h>

#include "base/error.h"
#include "base/units.h"
#include "bench/gate.h"
#include "doctor/measures/figures.h"
#include "doctor/stored_runs.h"
#include "doctor/tables.h"

namespace aisp::doctor {
namespace {

std::string needs_run(const Evidence& evidence) {
  const StoredRun run = subject_run(evidence);
  if (run.folder.empty()) return "no --run given and no run stored under artifacts/";
  return run.results.empty() ? run.folder + " holds no result" : "";
}

// The quickest technique of each case: where the work stands, not where its baseline does.
Json measure_roofline(const Evidence& evidence, double) {
  Json rows = Json::array();
  for (const auto& result : subject_run(evidence).results) {
    const bench::TechniqueResult* best = nullptr;
    for (const auto& technique : result.techniques) {
      if (!is_timed(technique) || technique.role == "peer") continue;
      if (best == nullptr || technique.time_ns.estimate < best->time_ns.estimate) best = &technique;
    }
    if (best == nullptr || best->ceiling_fraction <= 0) continue;
    rows.push_back({{"name", label(result, *best)},
                    {"fraction", best->ceiling_fraction},
                    {"bound", best->bound}});
  }
  return {{"rows", rows}};
}

Finding decide_roofline(const Evidence&, const Json& found) {
  std::vector<Reading> low;
  double worst = 2.0;
  std::string name;
  std::size_t count = 0;
  for (const Json& row : found.at("rows")) {
    const double fraction = row.at("fraction").get<double>();
    ++count;
    if (fraction < worst) {
      worst = fraction;
      name = row.at("name").get<std::string>();
    }
    if (fraction < 0.5 && low.size() < 8) {
      low.push_back({row.at("name").get<std::string>(),
                     fmt::format("{} of the {} ceiling", format_percent(fraction),
                                 row.at("bound").get<std::string>())});
    }
  }
  if (count == 0) return cannot_see("no result is on record with the ceiling that bounds it");
  const std::string words =
      fmt::format("{} stands at {} of what its work allows", name, format_percent(worst));
  if (low.empty()) return ok("the lowest of all, " + words, {{name, format_percent(worst)}});
  return warn(words, low, fmt::format("up to {} there", format_ratio(1 / worst)));
}

std::string needs_price(const Evidence& evidence) {
  if (evidence.subject().price_per_hour <= 0) return "no --price-per-hour given";
  return needs_run(evidence);
}

Json measure_money(const Evidence& evidence, double) {
  Json rows = Json::array();
  const StoredRun run = subject_run(evidence);
  double steal = 0.0;
  for (const auto& result : run.results) {
    const bench::TechniqueResult* best = nullptr;
    for (const auto& technique : result.techniques) {
      if (!is_timed(technique) || technique.items_per_s <= 0) continue;
      if (best == nullptr || technique.items_per_s > best->items_per_s) best = &technique;
    }
    steal = std::max(steal, result.steal_share);
    if (best == nullptr) continue;
    rows.push_back({{"name", label(result, *best)},
                    {"items_per_s", best->items_per_s},
                    {"item", result.item_name}});
  }
  return {{"rows", rows},
          {"price_per_hour", evidence.subject().price_per_hour},
          {"steal", steal},
          {"machine", run.header.value("hardware_key", "")}};
}

Finding decide_money(const Evidence&, const Json& found) {
  const double price = found.at("price_per_hour").get<double>();
  const double steal = found.at("steal").get<double>();
  if (!(price > 0)) return not_applicable("no --price-per-hour given");
  std::vector<Reading> read = {{"machine", found.at("machine").get<std::string>()}};
  for (const Json& row : found.at("rows")) {
    if (read.size() == 8) break;
    read.push_back({row.at("name").get<std::string>(),
                    format_count(row.at("items_per_s").get<double>() * 3600 / price) + " " +
                        row.at("item").get<std::string>() + " for one"});
  }
  if (read.size() == 1) return cannot_see("no result on record has a rate of items");
  const std::string words = fmt::format("{}: {} of money", read[1].source, read[1].value);
  if (steal > 0.02) {
    return warn(
        fmt::format("{}; the host took {} of the time that was paid", words, format_percent(steal)),
        read, format_percent(steal) + " of the price");
  }
  return ok(words, read);
}

// The stored run against what is recorded for this machine, by the gate's own rules.
Json measure_golden(const Evidence& evidence, double) {
  const StoredRun stored = subject_run(evidence);
  const std::string root = working_folder(evidence);
  bench::RunRecord run;
  run.folder = stored.folder;
  run.header = stored.header;
  run.results = stored.results;
  const std::string key = stored.header.value("hardware_key", "");
  std::vector<bench::GateLab> labs;
  for (const auto& result : stored.results) {
    const bool known = std::any_of(labs.begin(), labs.end(),
                                   [&](const auto& lab) { return lab.name == result.lab; });
    if (known) continue;
    const std::string path = bench::expectations_path(root, result.folder, key);
    labs.push_back({result.lab, result.folder, bench::read_expectations(path, result.lab, key)});
  }
  const bench::GateReport report = bench::judge_gate(labs, {run}, {}, {});
  Json rows = Json::array();
  std::size_t judged = 0;
  for (const auto& row : report.rows) {
    judged += row.recorded_runs > 0 && !row.seen.empty();
    const bool bad = row.red() || row.status == bench::GateStatus::kSuspect;
    if (!bad || row.status == bench::GateStatus::kMissing) continue;
    rows.push_back({{"name", fmt::format("{}/{} {}", row.lab, row.case_name, row.technique)},
                    {"status", bench::name(row.status)},
                    {"text", row.text}});
  }
  return {{"judged", judged}, {"rows", rows}};
}

Finding decide_golden(const Evidence&, const Json& found) {
  const double judged = found.at("judged").get<double>();
  if (judged <= 0) {
    return not_applicable("nothing is recorded for this machine: bench run --update-expectations");
  }
  std::vector<Reading> read;
  std::size_t wrong = 0;
  for (const Json& row : found.at("rows")) {
    wrong += row.at("status").get<std::string>() == "wrong";
    if (read.size() < 8) {
      read.push_back(
          {row.at("name").get<std::string>(),
           row.at("status").get<std::string>() + ": " + row.at("text").get<std::string>()});
    }
  }
  if (read.empty()) {
    return ok(fmt::format("{:.0f} results are as recorded", judged),
              {{"recorded rows", fmt::format("{:.0f}", judged)}});
  }
  const std::string words =
      fmt::format("{} of {:.0f} results are not as recorded", found.at("rows").size(), judged);
  return wrong > 0 ? fail(words, read)
                   : warn(words, read, "aisp bench gate runs them again and decides");
}

}  // namespace

std::vector<Measure> record_measures() {
  return {
      {"roofline-position", needs_run, measure_roofline, guarded<decide_roofline>, 1.0},
      {"throughput-per-dollar", needs_price, measure_money, guarded<decide_money>, 1.0},
      {"golden-suite", needs_run, measure_golden, guarded<decide_golden>, 1.0},
  };
}

}  // namespace aisp::doctor
