// See gate_run.h.
#include "bench/gate_run.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "bench/supervisor.h"
#include "machine/environment.h"

namespace aisp::bench {
namespace {

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("{:%Y-%m-%d}", utc);
}

std::vector<std::string> words(const RunRecord& run, const char* option) {
  return run.header.at("options").value(option, std::vector<std::string>{});
}

RunRecord checked_run(const std::string& folder) {
  RunRecord run = read_run(folder);
  for (const CaseResult& result : run.results) {
    if (!result.checks_off.empty()) {
      throw Error("checks were switched off: no claim rests on this run", folder,
                  "run it again without --without-check");
    }
  }
  return run;
}

// Only cases that the run was asked for: those of `lab`, which were selected.
void keep_cases(Expectations& expectations, const KnownLab& lab) {
  std::erase_if(expectations.cases, [&](const auto& recorded) {
    const std::string name = recorded.first.substr(0, recorded.first.rfind('/'));
    return std::none_of(lab.lab.cases.begin(), lab.lab.cases.end(),
                        [&](const Case& one) { return one.name == name; });
  });
}

// Of the machine, and of its GPU where the run saw one.
std::vector<std::string> keys_of(const Json& header) {
  std::vector<std::string> keys = {header.at("hardware_key")};
  const std::string device = hardware_key_of(header, "cuda");
  if (!device.empty()) keys.push_back(device);
  return keys;
}

// What the labs owe of which the techniques were asked for: the baseline's name is no row.
std::vector<GateLab> labs_owing(const std::vector<KnownLab>& labs, const std::string& root,
                                const std::vector<std::string>& keys,
                                const std::vector<std::string>& techniques,
                                const std::vector<std::string>& cases) {
  std::vector<GateLab> owing;
  for (const KnownLab& lab : labs) {
    GateLab one{lab.name, lab.entry.folder, {}};
    for (const std::string& key : keys) {
      const std::string path = expectations_path(root, lab.entry.folder, key);
      one.expectations.cases.merge(read_expectations(path, lab.name, key).cases);
    }
    if (!cases.empty()) keep_cases(one.expectations, lab);
    for (auto& [name, expected] : one.expectations.cases) {
      std::erase_if(expected.techniques, [&](const auto& technique) {
        return !techniques.empty() &&
               std::none_of(techniques.begin(), techniques.end(), [&](const std::string& wanted) {
                 return fnmatch(wanted.c_str(), technique.first.c_str(), 0) == 0;
               });
      });
    }
    owing.push_back(std::move(one));
  }
  return owing;
}

bool any_recorded(const std::vector<GateLab>& labs) {
  return std::any_of(labs.begin(), labs.end(),
                     [](const GateLab& lab) { return !lab.expectations.cases.empty(); });
}

GateReport judge_given(const GateOptions& options, const GateRules& rules,
                       const std::vector<Xfail>& xfails) {
  std::vector<RunRecord> runs;
  for (const std::string& folder : options.runs) runs.push_back(checked_run(folder));
  const RunRecord& first = runs.front();
  for (const RunRecord& run : runs) {
    if (keys_of(run.header) == keys_of(first.header)) continue;
    throw Error("is of another machine than " + first.folder, run.folder,
                "give the gate runs of one machine");
  }
  auto labs = select_labs(known_labs(words(first, "modules")), words(first, "targets"));
  if (!options.run.targets.empty()) labs = select_labs(labs, options.run.targets);
  select_cases(labs, words(first, "cases"));
  return judge_gate(labs_owing(labs, options.root, keys_of(first.header),
                               words(first, "techniques"), words(first, "cases")),
                    runs, xfails, rules);
}

// The labs that hold a row which another run could clear or condemn.
std::vector<std::string> to_run_again(const GateReport& gate) {
  std::set<std::string> labs;
  for (const GateRow& row : gate.rows) {
    if (row.expected_to_fail) continue;
    if (row.status == GateStatus::kSuspect || row.status == GateStatus::kRegressed) {
      labs.insert(row.lab);
    }
  }
  return {labs.begin(), labs.end()};
}

}  // namespace

GateReport run_gate(const GateOptions& options, const RunProgress& progress) {
  GateRules rules = options.rules;
  rules.today = today();
  const auto xfails = read_xfails((std::filesystem::path(options.root) / options.xfail).string());
  if (!options.runs.empty()) return judge_given(options, rules, xfails);
  const std::string key = machine::hardware_key(machine::cpu());
  std::vector<std::string> keys = {key};
  if (machine::cuda_device().why_not.empty()) keys.push_back(device_key(machine::cuda_device()));
  const auto labs = labs_owing(select_labs(known_labs(options.run.modules), options.run.targets),
                               options.root, keys, options.run.techniques, options.run.cases);
  GateReport gate;
  gate.hardware_key = key;
  if (!any_recorded(labs)) return gate;
  RunOptions run = options.run;
  run.counters = false;  // the gate judges ratios
  if (run.targets.empty()) {
    for (const GateLab& lab : labs) {
      if (!lab.expectations.cases.empty()) run.targets.push_back(lab.name);
    }
  }
  std::vector<RunRecord> runs;
  for (int round = 1; round <= options.rounds && !interrupted(); ++round) {
    run.out = fmt::format("{}/round{}", options.run.out, round);
    run_benchmarks(run, progress);
    runs.push_back(checked_run(run.out));
    gate = judge_gate(labs, runs, xfails, rules);
    run.targets = to_run_again(gate);
    if (run.targets.empty()) break;
    if (progress.note && round < options.rounds) {
      progress.note(fmt::format("suspected in round {}: {}; running again", round,
                                fmt::join(run.targets, ", ")));
    }
  }
  return gate;
}

}  // namespace aisp::bench
