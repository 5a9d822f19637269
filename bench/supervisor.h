// Runs a job in a worker process and survives whatever happens to it: a crash, a hang, an abort, a
// runaway allocation or a forged result costs the technique that was running, with its last output.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/job.h"

namespace aisp::bench {

struct SuperviseOptions {
  double time_limit_s = 60.0;  // without a sign of life from the worker
  std::function<void(const std::string& technique, const std::string& phase)> on_phase;
};

struct TechniqueEvent {
  std::string technique;  // "": the whole case
  Outcome outcome = Outcome::kFailed;
  std::string detector, reason, last_output;
};

struct JobOutcome {
  std::vector<TechniqueEvent> events;
  std::optional<ProcessRecord> process;  // absent when nothing could be measured
  std::map<std::string, TechniqueFindings> findings;
  std::vector<std::string> notes;
  bool interrupted = false;
  // Of commands (bench/command/pairs.h): how their times are to be judged.
  ClockRule clock = ClockRule::kDeclared;
  double clock_step_ns = PairRules{}.clock_step_ns;
};

/// Runs the job to its end, starting another worker without the culprit whenever one dies.
JobOutcome supervise(const Job& job, const SuperviseOptions& options);

/// Set by SIGINT and SIGTERM after catch_interrupts(); supervise() then ends its worker and
/// returns.
void catch_interrupts();
bool interrupted();

}  // namespace aisp::bench
