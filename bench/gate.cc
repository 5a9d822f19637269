// The judgement of the gate. See gate.h.
#include "bench/gate.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace aisp::bench {
namespace {

bool glob(const std::string& pattern, const std::string& text) {
  return fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

bool is_fault(Outcome outcome) {
  return outcome == Outcome::kWrong || outcome == Outcome::kImpossible ||
         outcome == Outcome::kFailed;
}

struct Seen {
  const CaseResult* result;
  const TechniqueResult* technique;
};

// The row's result in every run that has it.
std::vector<Seen> find(const std::vector<RunRecord>& runs, const GateRow& row) {
  std::vector<Seen> all;
  for (const RunRecord& run : runs) {
    for (const CaseResult& result : run.results) {
      if (result.lab != row.lab || result.case_name != row.case_name || result.size != row.size) {
        continue;
      }
      for (const TechniqueResult& technique : result.techniques) {
        if (technique.name == row.technique) all.push_back({&result, &technique});
      }
    }
  }
  return all;
}

// Everything but the verdict of the statistics, which needs all rows.
void judge_row(GateRow& row, const ExpectedTechnique& expected, const std::vector<Seen>& all,
               const GateRules& rules) {
  std::vector<Interval> recorded;
  std::vector<double> fresh;
  for (const Observation& run : expected.runs) recorded.push_back(run.ratio);
  const Spread spread = row.spread = spread_of(recorded, rules.prior);
  row.expected = std::exp(spread.centre);
  row.recorded_runs = recorded.size();
  row.status = GateStatus::kMissing;
  row.text = all.empty() ? "no result" : "";
  for (const auto& [result, technique] : all) {
    row.source_changed |= result->source_hash != expected.runs.back().source_hash;
    if (is_fault(technique->outcome)) {
      row.status = GateStatus::kWrong;
      row.text = fmt::format("{}: {}", name(technique->outcome), technique->reason);
      return;
    }
    if (technique->outcome == Outcome::kSkipped) {
      row.text = "skipped: " + technique->reason;
      continue;
    }
    if (!(technique->pair.ratio.estimate > 0.0)) continue;
    row.seen.push_back(technique->pair.ratio);
    fresh.push_back(std::log(technique->pair.ratio.estimate));
  }
  if (fresh.empty()) return;
  row.status = GateStatus::kOk;
  row.text.clear();
  const double mean = std::accumulate(fresh.begin(), fresh.end(), 0.0) / fresh.size();
  const auto every = [&](auto&& holds) {
    return std::all_of(row.seen.begin(), row.seen.end(), holds);
  };
  const double limit = row.expected * (1.0 + rules.margin);
  const double floor = row.expected / (1.0 + rules.margin);
  // A run that is noisier than the recorded ones says less.
  Spread today = spread;
  for (const Interval& seen : row.seen) {
    today.deviation = std::max(today.deviation, 0.5 * 0.5 * std::log(seen.high / seen.low));
  }
  if (!every([](const Interval& seen) { return std::isfinite(seen.high) && seen.low > 0.0; })) {
    row.status = GateStatus::kUndecided;
    row.text = "too few rounds for an interval: raise --budget";
  } else if (every([&](const Interval& seen) { return seen.estimate > limit; })) {
    row.p = p_slower(today, mean, fresh.size());
    if (row.p < rules.screen) row.status = GateStatus::kSuspect;
    if (row.p < rules.screen && recorded.size() < rules.least_recorded) {
      row.p = 1.0;
      row.text = fmt::format("{} recorded runs say too little about its spread, {} would do",
                             recorded.size(), rules.least_recorded);
    }
  } else if (every([&](const Interval& seen) { return seen.estimate < floor; })) {
    if (p_quicker(today, mean, fresh.size()) < rules.screen) row.status = GateStatus::kBetter;
  }
}

void apply_xfail(GateRow& row, const std::vector<Xfail>& xfails, const std::string& today) {
  for (const Xfail& xfail : xfails) {
    if (!glob(xfail.lab, row.lab) || !glob(xfail.case_name, row.case_name) ||
        !glob(xfail.technique, row.technique)) {
      continue;
    }
    const bool red = row.status == GateStatus::kRegressed || row.status == GateStatus::kWrong ||
                     row.status == GateStatus::kMissing;
    if (today > xfail.until) {
      row.xfail_reason = fmt::format("known until {}, expired: {}", xfail.until, xfail.reason);
    } else if (red) {
      row.expected_to_fail = true;
      row.xfail_reason = fmt::format("known until {}: {}", xfail.until, xfail.reason);
    } else if (row.status == GateStatus::kOk || row.status == GateStatus::kBetter) {
      row.xfail_reason = "no longer fails: take it off the list of known failures";
    }
  }
}

// Results that nobody expected: listed, so that a new technique is not forgotten.
void add_unrecorded(GateReport& report, const std::vector<RunRecord>& runs) {
  std::set<std::string> listed;
  const auto key = [](const std::string& lab, const std::string& one, const std::string& size,
                      const std::string& technique) {
    return lab + "/" + one + "/" + size + " " + technique;
  };
  for (const GateRow& row : report.rows) {
    listed.insert(key(row.lab, row.case_name, row.size, row.technique));
  }
  for (const RunRecord& run : runs) {
    for (const CaseResult& result : run.results) {
      for (const TechniqueResult& technique : result.techniques) {
        if (technique.role == "peer" || technique.role == "ceiling") continue;
        if (technique.outcome == Outcome::kSkipped) continue;
        const bool fault = is_fault(technique.outcome);
        if (technique.role == "baseline" && !fault) continue;
        if (!listed.insert(key(result.lab, result.case_name, result.size, technique.name)).second) {
          continue;
        }
        GateRow row{result.lab, result.case_name, result.size, technique.name, result.folder};
        row.status = fault ? GateStatus::kWrong : GateStatus::kUnrecorded;
        if (fault) row.text = fmt::format("{}: {}", name(technique.outcome), technique.reason);
        if (!fault) row.seen.push_back(technique.pair.ratio);
        report.rows.push_back(std::move(row));
      }
    }
  }
}

}  // namespace

const char* name(GateStatus status) {
  switch (status) {
    case GateStatus::kOk:
      return "ok";
    case GateStatus::kRegressed:
      return "regressed";
    case GateStatus::kWrong:
      return "wrong";
    case GateStatus::kMissing:
      return "missing";
    case GateStatus::kSuspect:
      return "suspect";
    case GateStatus::kBetter:
      return "better";
    case GateStatus::kUndecided:
      return "undecided";
    case GateStatus::kUnrecorded:
      return "unrecorded";
  }
  return "?";
}

bool GateRow::red() const {
  return !expected_to_fail && (status == GateStatus::kRegressed || status == GateStatus::kWrong ||
                               status == GateStatus::kMissing);
}

std::vector<bool> holm(const std::vector<double>& p, double alpha) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] < p[b]; });
  std::vector<bool> rejected(p.size(), false);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (p[order[i]] > alpha / static_cast<double>(p.size() - i)) break;
    rejected[order[i]] = true;
  }
  return rejected;
}

GateReport judge_gate(const std::vector<GateLab>& labs, const std::vector<RunRecord>& runs,
                      const std::vector<Xfail>& xfails, const GateRules& rules) {
  GateReport report;
  std::set<std::string> sizes;
  for (const RunRecord& run : runs) {
    report.hardware_key = run.header.value("hardware_key", "");
    sizes.insert(run.header.at("options").value("size", ""));
  }
  for (const GateLab& lab : labs) {
    for (const auto& [key, one] : lab.expectations.cases) {
      const std::size_t slash = key.rfind('/');
      if (sizes.count(key.substr(slash + 1)) == 0) continue;
      for (const auto& [technique, expected] : one.techniques) {
        GateRow row{lab.name, key.substr(0, slash), key.substr(slash + 1), technique, lab.folder};
        const auto all = find(runs, row);
        judge_row(row, expected, all, rules);
        for (const auto& [result, ignored] : all) {
          if (result->baseline == one.baseline || row.status == GateStatus::kWrong) continue;
          row.status = GateStatus::kMissing;
          row.text = fmt::format("recorded against baseline {}, which is now {}: record it again",
                                 one.baseline, result->baseline);
        }
        report.rows.push_back(std::move(row));
      }
    }
  }
  report.recorded_anything = !report.rows.empty();
  std::vector<double> p;
  for (const GateRow& row : report.rows) p.push_back(row.p);
  const std::vector<bool> beyond_doubt = holm(p, rules.alpha);
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    GateRow& row = report.rows[i];
    row.visible_step = visible_step(row.spread, 2, rules.alpha / static_cast<double>(p.size()));
    if (row.status == GateStatus::kSuspect && beyond_doubt[i]) row.status = GateStatus::kRegressed;
  }
  add_unrecorded(report, runs);
  for (GateRow& row : report.rows) {
    apply_xfail(row, xfails, rules.today);
    report.red += row.red() ? 1 : 0;
    report.wrong += row.red() && row.status == GateStatus::kWrong ? 1 : 0;
    report.missing += row.red() && row.status == GateStatus::kMissing ? 1 : 0;
    report.suspect += row.status == GateStatus::kSuspect ? 1 : 0;
    report.undecided += row.status == GateStatus::kUndecided ? 1 : 0;
  }
  return report;
}

}  // namespace aisp::bench
