// See history.h.
#include "bench/history.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"

namespace aisp::bench {
namespace {

namespace fs = std::filesystem;

// Folders that hold a run, also the rounds of a gate one level further down.
std::vector<std::string> run_folders(const std::string& folder) {
  std::vector<std::string> found;
  const auto add = [&](const fs::path& path) {
    if (fs::exists(path / "run.json")) found.push_back(path.string());
  };
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    add(entry.path());
    for (const auto& inner : fs::directory_iterator(entry.path())) {
      if (inner.is_directory()) add(inner.path());
    }
  }
  return found;
}

bool timed(const HistoryPoint& point) {
  return point.outcome == Outcome::kOk || point.outcome == Outcome::kNoisy;
}

void add_result(std::map<std::string, HistorySeries>& series, const RunRecord& run,
                const CaseResult& result) {
  for (const TechniqueResult& technique : result.techniques) {
    if (technique.role == "baseline" || technique.role == "ceiling") continue;
    if (technique.outcome == Outcome::kSkipped) continue;
    HistorySeries& one = series[result.key() + " " + technique.name];
    one.lab = result.lab;
    one.case_name = result.case_name;
    one.size = result.size;
    one.technique = technique.name;
    HistoryPoint point;
    point.folder = run.folder;
    point.utc = result.started_utc;
    point.commit = run.header.value("aisp", Json::object()).value("git_commit", "");
    point.outcome = technique.outcome;
    point.ratio = technique.pair.ratio;
    point.time_ns = technique.time_ns.estimate;
    point.ceiling_fraction = technique.ceiling_fraction;
    point.source_hash = result.source_hash;
    one.points.push_back(std::move(point));
  }
}

}  // namespace

double HistorySeries::change() const {
  double first = 0.0, last = 0.0;
  for (const HistoryPoint& point : points) {
    if (!timed(point)) continue;
    if (first == 0.0) first = point.ratio.estimate;
    last = point.ratio.estimate;
  }
  return first > 0.0 ? last / first : 1.0;
}

bool HistorySeries::apart() const {
  const HistoryPoint *first = nullptr, *last = nullptr;
  for (const HistoryPoint& point : points) {
    if (!timed(point)) continue;
    if (first == nullptr) first = &point;
    last = &point;
  }
  if (first == nullptr || first == last) return false;
  return first->ratio.high < last->ratio.low || last->ratio.high < first->ratio.low;
}

History read_history(const std::string& folder, const std::vector<KnownLab>& labs,
                     const std::string& hardware_key) {
  if (!fs::is_directory(folder)) {
    throw Error("no such folder", folder, "name the one that holds runs with --runs");
  }
  History history;
  history.hardware_key = hardware_key;
  std::set<std::string> wanted;
  for (const KnownLab& lab : labs) wanted.insert(lab.name);
  std::map<std::string, HistorySeries> series;
  for (const std::string& path : run_folders(folder)) {
    RunRecord run;
    try {
      run = read_run(path);
    } catch (const Error& problem) {
      history.damaged.emplace_back(problem.what());
      continue;
    }
    if (run.header.value("hardware_key", "") != hardware_key) {
      ++history.elsewhere;
      continue;
    }
    bool holds = false;
    for (const CaseResult& result : run.results) {
      if (wanted.count(result.lab) == 0 || !result.checks_off.empty()) continue;
      add_result(series, run, result);
      holds = true;
    }
    history.runs += holds ? 1 : 0;
  }
  for (auto& [ignored, one] : series) {
    std::stable_sort(one.points.begin(), one.points.end(),
                     [](const auto& a, const auto& b) { return a.utc < b.utc; });
    history.series.push_back(std::move(one));
  }
  return history;
}

}  // namespace aisp::bench
