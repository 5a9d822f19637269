// Stored runs of ours: are both sides of every comparison equal but for the technique, and was each
// verified? The newest run under artifacts/, or --run.
//
// Source: docs/record.schema.json; Fleming and Wallace, CACM 29 (1986), on what to report.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "doctor/stored_runs.h"
#include "doctor/tables.h"

namespace aisp::doctor {
namespace {

using bench::CaseResult;
using bench::Outcome;
using bench::TechniqueResult;

// A rate is the declared work over the time: the same work for every technique of a case. Rates and
// medians are rounded apart; 2 % is more than that and less than any change of work.
constexpr double kRateSlack = 0.02;

bool agrees(double rate_giga, double work, double time_ns) {
  if (work <= 0.0 || rate_giga <= 0.0) return true;
  return std::abs(rate_giga * time_ns / work - 1.0) <= kRateSlack;
}

Finding shared_workload(const Evidence& evidence) {
  const StoredRun run = subject_run(evidence);
  if (auto none = no_run(run)) return *none;
  auto found = survey(run, [](const CaseResult& result, const TechniqueResult& technique) {
    const double time = technique.time_ns.estimate;
    if (!agrees(technique.gflop_per_s, result.flops, time)) {
      return fmt::format("{:.4g} GFLOP/s in {:.4g} ns is not the case's {:.4g} flops",
                         technique.gflop_per_s, time, result.flops);
    }
    const double bytes = result.bytes_read + result.bytes_written;
    if (!agrees(technique.gb_per_s, bytes, time)) {
      return fmt::format("{:.4g} GB/s in {:.4g} ns is not the case's {:.4g} bytes",
                         technique.gb_per_s, time, bytes);
    }
    return std::string();
  });
  return decide(run, std::move(found), Verdict::kFail, "one case block, one amount of work",
                "another amount of work than their case declares");
}

// Techniques of one worker process got copies of the same inputs, made from its seed.
Finding aligned_inputs(const Evidence& evidence) {
  const StoredRun run = subject_run(evidence);
  if (auto none = no_run(run)) return *none;
  auto found = survey(run, [](const CaseResult& result, const TechniqueResult& technique) {
    if (technique.usage) return std::string();  // a command: its inputs are files
    std::size_t together = 0, alone = 0;
    for (const auto& process : result.processes) {
      if (!process.series.contains(technique.name)) continue;
      (process.series.contains(result.baseline) ? together : alone) += 1;
    }
    if (alone > 0) {
      return fmt::format("measured without {} in {} processes", result.baseline, alone);
    }
    return together == 0 ? std::string("no process says with which seed it ran") : std::string();
  });
  return decide(run, std::move(found), Verdict::kFail, "same seed and inputs as their baseline",
                "other inputs than their baseline");
}

Finding rate_and_time(const Evidence& evidence) {
  const StoredRun run = subject_run(evidence);
  if (auto none = no_run(run)) return *none;
  auto found = survey(run, [](const CaseResult&, const TechniqueResult& technique) {
    if (!(technique.p10_ns > 0.0 && technique.p90_ns > 0.0 && technique.p99_ns > 0.0)) {
      return std::string("no percentiles of its time");
    }
    const bool rate =
        technique.gflop_per_s > 0.0 || technique.gb_per_s > 0.0 || technique.items_per_s > 0.0;
    return rate ? std::string() : std::string("no rate: its case declares no work");
  });
  return decide(run, std::move(found), Verdict::kFail, "p10, p90, p99 and a rate",
                "a time without a rate, or a rate without percentiles");
}

Finding outputs_validated(const Evidence& evidence) {
  const StoredRun run = subject_run(evidence);
  if (auto none = no_run(run)) return *none;
  auto found = survey(run, [](const CaseResult& result, const TechniqueResult& technique) {
    if (!result.checks_off.empty()) {
      return fmt::format("checks switched off: {}", fmt::join(result.checks_off, ", "));
    }
    if (technique.outputs_checked == 0) return std::string("no output was compared");
    if (technique.worst_in_bounds > 1.0) {
      return fmt::format("error is {:.3g} of its bound", technique.worst_in_bounds);
    }
    return std::string();
  });
  return decide(run, std::move(found), Verdict::kFail,
                "outputs compared with a reference, within the bound",
                "a time without a passed check");
}

Finding one_config(const Evidence& evidence) {
  const StoredRun run = subject_run(evidence);
  if (auto none = no_run(run)) return *none;
  if (!run.header.contains("options")) return fail("the run keeps no options", {{run.folder, ""}});
  std::set<std::pair<double, double>> rules;
  auto found = survey(run, [&](const CaseResult& result, const TechniqueResult& technique) {
    rules.emplace(technique.margin, technique.level);
    return result.checks_off.empty() ? std::string() : std::string("checks switched off for it");
  });
  if (rules.size() > 1) {
    return fail(fmt::format("{} different margins and levels in one run", rules.size()),
                {{run.folder, "margin, level of techniques"}});
  }
  return decide(run, std::move(found), Verdict::kFail, "one set of options, margin and level",
                "judged by rules of their own");
}

// Where a technique cannot run, another one does, and the reason is kept.
Finding fallback_paths(const Evidence& evidence) {
  const StoredRun run = subject_run(evidence);
  if (auto none = no_run(run)) return *none;
  std::vector<Reading> bad;
  std::size_t skipped = 0, crashed = 0;
  for (const CaseResult& result : run.results) {
    bool runs = false;
    for (const TechniqueResult& technique : result.techniques) {
      runs = runs || is_timed(technique);
      if (technique.outcome == Outcome::kSkipped) ++skipped;
      if (technique.outcome == Outcome::kSkipped && technique.reason.empty()) {
        bad.push_back({label(result, technique), "skipped without a reason"});
      } else if (technique.outcome == Outcome::kFailed) {
        ++crashed;
        bad.push_back({label(result, technique), technique.reason});
      }
    }
    if (!runs) bad.push_back({result.key(), "no variant ran"});
  }
  if (bad.empty()) {
    return ok(
        fmt::format("every case has a variant that runs; {} skipped with their reason", skipped),
        {{run.folder, fmt::format("{} cases", run.results.size())}});
  }
  const std::size_t cases = bad.size();
  if (bad.size() > 6) bad.resize(6);
  return fail(
      fmt::format("{} variants without a fallback or reason, {} of them crashed", cases, crashed),
      std::move(bad));
}

Finding artifacts_archived(const Evidence& evidence) {
  const StoredRun run = subject_run(evidence);
  if (auto none = no_run(run)) return *none;
  const auto files = evidence.list(run.folder);
  auto found = survey(run, [](const CaseResult& result, const TechniqueResult& technique) {
    const bool kept =
        std::any_of(result.processes.begin(), result.processes.end(), [&](const auto& process) {
          const auto series = process.series.find(technique.name);
          return series != process.series.end() && !series->second.wall_ns.empty();
        });
    return kept ? std::string() : std::string("no raw samples");
  });
  Finding finding = decide(run, std::move(found), Verdict::kFail, "raw samples are kept",
                           "their raw samples are missing");
  if (finding.verdict != Verdict::kOk) return finding;
  const bool dated = run.header.value("started_utc", "") != "";
  const bool summary = std::binary_search(files.begin(), files.end(), "report.html");
  if (!dated) return fail("the run does not say when it was made", {{run.folder, ""}});
  if (!summary) {
    return warn("raw samples are kept, but no report lies beside them",
                {{run.folder, fmt::format("{}", fmt::join(files, ", "))}},
                "the figures must be derived again to be read",
                {{Fix::Kind::kCommand, "aisp report " + run.folder, ""}});
  }
  return finding;
}

// What of the steps of a comparison is on record.
Finding workflow(const Evidence& evidence) {
  const StoredRun run = subject_run(evidence);
  if (auto none = no_run(run)) return *none;
  bool paired = false, validated = true, full = false;
  bool smoke = run.header.value("options", Json::object()).value("size", "") == "smoke";
  for (const CaseResult& result : run.results) {
    std::size_t timed = 0;
    for (const TechniqueResult& technique : result.techniques) {
      if (!is_timed(technique)) continue;
      ++timed;
      validated = validated && technique.outputs_checked > 0 && result.checks_off.empty();
    }
    paired = paired || timed >= 2;
    full = full || result.size == "full";
    smoke = smoke || result.size == "smoke";
  }
  const auto files = evidence.list(run.folder);
  const bool summary = std::binary_search(files.begin(), files.end(), "report.html");
  const std::string key = run.header.value("hardware_key", "");
  bool guarded = false;
  for (const CaseResult& result : run.results) {
    guarded = guarded || evidence.exists(fmt::format("{}/{}/expectations/{}.json",
                                                     working_folder(evidence), result.folder, key));
  }
  // A worker warms up and runs the small sizes before it times: what is validated had both.
  std::vector<std::string> missing;
  if (!paired) missing.emplace_back("a matched pair");
  if (!validated) missing.emplace_back("validation");
  if (!full) missing.emplace_back("a full-size run");
  if (!summary) missing.emplace_back("a summary (aisp report)");
  if (!guarded) missing.emplace_back("a regression check (bench run --update-expectations)");
  std::vector<Reading> read = {{run.folder, fmt::format("{} cases", run.results.size())}};
  if (missing.empty()) {
    return ok("pair, warm-up, full run, validation, summary and regression check are on record",
              std::move(read));
  }
  const std::string says = fmt::format("missing: {}", fmt::join(missing, ", "));
  return paired && validated ? warn(says, std::move(read), "a gain that nothing guards is lost")
                             : fail(says, std::move(read));
}

bool filled(const Json& header, const std::string& path) {
  const auto pointer = Json::json_pointer(path);
  if (!header.contains(pointer)) return false;
  const Json& value = header.at(pointer);
  return !value.is_null() && value != Json("");
}

Finding environment_logged(const Evidence& evidence) {
  const StoredRun run = subject_run(evidence);
  if (run.folder.empty()) return *no_run(run);
  if (!run.header.is_object()) return cannot_see(run.why);
  static const char* const kNeeded[] = {
      "/cpu/model",       "/environment/kernel",   "/aisp/compiler", "/aisp/flags",
      "/aisp/git_commit", "/aisp/git_dirty",       "/command",       "/seed",
      "/options/size",    "/environment/affinity", "/hardware_key",  "/libraries"};
  std::vector<std::string> missing;
  for (const char* path : kNeeded) {
    if (!filled(run.header, path)) missing.emplace_back(std::string(path).substr(1));
  }
  std::vector<Reading> read = {{run.folder + "/run.json", run.header.value("started_utc", "")}};
  if (missing.empty()) return ok("hardware, build, commit, command and seed are kept", read);
  return fail(fmt::format("not kept with the run: {}", fmt::join(missing, ", ")), std::move(read),
              "the result cannot be replayed");
}

}  // namespace

std::vector<Probe> run_record_probes() {
  return {{"shared-workload-config", shared_workload},
          {"aligned-inputs", aligned_inputs},
          {"throughput-and-latency", rate_and_time},
          {"outputs-validated", outputs_validated},
          {"one-benchmark-config", one_config},
          {"fallback-paths", fallback_paths},
          {"benchmark-artifacts-archived", artifacts_archived},
          {"benchmark-workflow", workflow},
          {"run-environment-logged", environment_logged}};
}

}  // namespace aisp::doctor
