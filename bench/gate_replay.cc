// See gate_replay.h.
#include "bench/gate_replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "bench/pairing.h"

namespace aisp::bench {
namespace {

// Rounds of baseline and technique, drawn again as pairs; the technique's slowed by `step`.
void resample(const Series& baseline, const Series& technique, double step, Rng& rng,
              std::vector<Sample>& b, std::vector<Sample>& t) {
  const std::size_t rounds = std::min(baseline.wall_ns.size(), technique.wall_ns.size());
  for (std::size_t i = 0; i < rounds; ++i) {
    const std::size_t k = rng.below(rounds);
    b.push_back({baseline.wall_ns[k], baseline.cpu_ns[k]});
    t.push_back({step * technique.wall_ns[k], step * technique.cpu_ns[k]});
  }
}

// The technique's result in a session as another measurement there would have given it.
TechniqueResult drawn(const CaseResult& result, const TechniqueResult& row, double step, Rng& rng) {
  TechniqueResult again = row;
  const bool one_thread = row.threads == 1 && result.techniques.front().threads == 1;
  std::vector<PairResult> pairs;
  std::vector<const ProcessRecord*> measured;
  for (const ProcessRecord& process : result.processes) {
    const bool paired =
        process.series.count(row.name) > 0 && process.series.count(result.baseline) > 0;
    if (paired) measured.push_back(&process);
  }
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const ProcessRecord& process = *measured[rng.below(measured.size())];
    const Series& base = process.series.at(result.baseline);
    const Series& mine = process.series.at(row.name);
    std::vector<Sample> b, t;
    resample(base, mine, step, rng, b, t);
    pairs.push_back(judge_pairs(b, t,
                                {.margin = row.margin,
                                 .level = row.level,
                                 .cpu_clock_eligible = one_thread,
                                 .baseline_iterations = base.iterations,
                                 .technique_iterations = mine.iterations}));
  }
  if (!pairs.empty()) again.pair = combine_processes(pairs, row.margin);
  return again;
}

struct Plant {
  std::string key, technique;  // "": none
  double step = 1.0;
};

// A session measured once more.
RunRecord drawn(const RunRecord& session, const Plant& plant, Rng& rng) {
  RunRecord run;
  run.header = session.header;
  run.folder = session.folder;
  for (const CaseResult& result : session.results) {
    CaseResult again;
    again.lab = result.lab;
    again.folder = result.folder;
    again.source_hash = result.source_hash;
    again.case_name = result.case_name;
    again.size = result.size;
    again.baseline = result.baseline;
    for (const TechniqueResult& row : result.techniques) {
      if (row.role != "technique") continue;
      const bool planted = plant.key == result.key() && plant.technique == row.name;
      again.techniques.push_back(drawn(result, row, planted ? plant.step : 1.0, rng));
    }
    run.results.push_back(std::move(again));
  }
  return run;
}

std::vector<GateLab> recorded_from(const std::vector<const RunRecord*>& sessions) {
  std::map<std::string, GateLab> labs;
  for (const RunRecord* session : sessions) {
    for (const CaseResult& result : session->results) {
      GateLab& lab = labs[result.lab];
      lab.name = result.lab;
      lab.folder = result.folder;
      ExpectedCase& one = lab.expectations.cases[result.case_name + "/" + result.size];
      one.baseline = result.baseline;
      for (const TechniqueResult& row : result.techniques) {
        if (row.role != "technique" || row.outcome != Outcome::kOk) continue;
        one.techniques[row.name].runs.push_back(observe(*session, result, row));
      }
    }
  }
  std::vector<GateLab> all;
  for (auto& [name, lab] : labs) all.push_back(std::move(lab));
  return all;
}

const GateRow* find(const GateReport& gate, const Plant& plant) {
  for (const GateRow& row : gate.rows) {
    if (row.lab + "/" + row.case_name + "/" + row.size == plant.key &&
        row.technique == plant.technique) {
      return &row;
    }
  }
  return nullptr;
}

bool regressed(const GateRow& row) { return row.status == GateStatus::kRegressed; }

// Both rounds, as run_gate() would make them: the second only where the first suspects something.
struct Rounds {
  GateReport first, last;
};

Rounds gate_of(const std::vector<GateLab>& labs, const RunRecord& one, const RunRecord& two,
               const GateRules& rules) {
  Rounds rounds;
  rounds.first = judge_gate(labs, {one}, {}, rules);
  const bool again =
      std::any_of(rounds.first.rows.begin(), rounds.first.rows.end(), [](const GateRow& row) {
        return row.status == GateStatus::kSuspect || row.status == GateStatus::kRegressed;
      });
  rounds.last = again ? judge_gate(labs, {one, two}, {}, rules) : rounds.first;
  return rounds;
}

void count_false(const Rounds& rounds, ReplayReport& report) {
  const auto reds = std::count_if(rounds.last.rows.begin(), rounds.last.rows.end(), regressed);
  report.false_reds += static_cast<std::size_t>(reds);
  report.trials_with_false_red += reds > 0 ? 1 : 0;
  for (const GateRow& row : rounds.first.rows) {
    report.rows += row.status == GateStatus::kUnrecorded ? 0 : 1;
    report.suspects += row.status == GateStatus::kSuspect || regressed(row) ? 1 : 0;
  }
}

void count_planted(const Rounds& rounds, const Plant& plant, ReplayReport& report) {
  const GateRow* last = find(rounds.last, plant);
  const GateRow* first = find(rounds.first, plant);
  if (last == nullptr || first == nullptr || last->seen.empty()) return;
  if (first->status == GateStatus::kUnrecorded) return;
  if (first->visible_step > plant.step) {
    ++report.planted_unfit;
    report.found_unfit += regressed(*last) ? 1 : 0;
    return;
  }
  ++report.planted_fit;
  report.found_first += regressed(*first) ? 1 : 0;
  report.found_second += regressed(*last) ? 1 : 0;
}

}  // namespace

ReplayReport replay_gate(const std::vector<RunRecord>& sessions, const ReplayOptions& options) {
  if (sessions.size() < options.recorded + 2) {
    throw Error(fmt::format("{} sessions are too few", sessions.size()), "--replay",
                fmt::format("give at least {} runs", options.recorded + 2));
  }
  for (const RunRecord& session : sessions) {
    if (session.header.value("hardware_key", "") == sessions[0].header.value("hardware_key", "")) {
      continue;
    }
    throw Error("is of another machine than " + sessions[0].folder, session.folder,
                "give runs of one machine");
  }
  ReplayReport report;
  report.sessions = sessions.size();
  Rng rng(options.seed);
  for (report.trials = 0; report.trials < options.trials; ++report.trials) {
    const std::size_t at = rng.below(sessions.size() - 1);  // judged: this one and the next
    std::vector<const RunRecord*> others;
    for (std::size_t i = 0; i < sessions.size(); ++i) {
      if (i != at && i != at + 1) others.push_back(&sessions[i]);
    }
    for (std::size_t i = 0; i < options.recorded; ++i) {
      std::swap(others[i], others[i + rng.below(others.size() - i)]);
    }
    others.resize(options.recorded);
    const auto labs = recorded_from(others);
    const RunRecord first = drawn(sessions[at], {}, rng), second = drawn(sessions[at + 1], {}, rng);
    count_false(gate_of(labs, first, second, options.rules), report);

    const CaseResult& result = sessions[at].results[rng.below(sessions[at].results.size())];
    const TechniqueResult& row = result.techniques[rng.below(result.techniques.size())];
    if (row.role != "technique") continue;
    const Plant plant{result.key(), row.name, options.step};
    count_planted(gate_of(labs, drawn(sessions[at], plant, rng),
                          drawn(sessions[at + 1], plant, rng), options.rules),
                  plant, report);
  }
  return report;
}

}  // namespace aisp::bench
