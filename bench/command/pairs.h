// The measuring loop of commands: rounds in random order, each running every undecided command
// once, until the intervals decide or the budget is spent. The answers are those of a lab worker,
// so that the run loop, the judge and the record need not know who measured.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/command/command.h"
#include "bench/supervisor.h"

namespace aisp::bench::command {

struct PairsJob {
  std::string case_name, size;
  std::vector<std::string> techniques;  // the baseline first
  double budget_s = 10.0;               // first runs and preparations included
  double margin = 0.01, level = 0.95, precision = 0.02;
  double time_limit_s = 60.0;  // of one run
  std::uint64_t seed = 1;      // of the order
  std::function<void(const std::string& technique, const std::string& phase)> on_phase;
};

/// Runs the case. First every command once, untimed: its exit status and output are checked there
/// and after every timed run (files as long as checks take at most three tenths of the time). Fewer
/// rounds than any verdict needs are worth nothing: up to three budgets to reach them. What went
/// wrong with a command is an event; only our own troubles are thrown.
JobOutcome run_pairs(const CommandLab& lab, const PairsJob& job);

/// The least number of rounds that can decide anything at this level (9 at 0.95).
std::size_t least_rounds(double level);

}  // namespace aisp::bench::command
