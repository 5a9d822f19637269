// The gate as a job: read runs or make them, judge, and run again what is suspected, so that nobody
// is called slower on the word of one run.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/gate.h"
#include "bench/run.h"

namespace aisp::bench {

struct GateOptions {
  std::vector<std::string> runs;  // folders of runs made before; empty: the gate makes its own
  RunOptions run;                 // selection, size, budget, modules; `out` holds the rounds
  std::string root = ".";         // of the source tree that holds the expectations
  std::string xfail = "labs/xfail.json";  // under root
  int rounds = 2;                         // at most, of own runs: the later ones only for suspects
  GateRules rules;                        // `today` is filled in
};

/// Throws Error for what the user must mend: a run with checks off, runs of several machines,
/// damaged files. An interrupted run leaves its unfinished rows missing.
GateReport run_gate(const GateOptions& options, const RunProgress& progress);

}  // namespace aisp::bench
