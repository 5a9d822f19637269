// Two builds of aisp against each other, technique by technique: how a change is judged before it
// is taken in. Each build measures itself in a process of its own; this one deals out the epochs in
// random order, so that both sides of a pair lie a moment apart. Several pairs of processes: what
// differs between processes is part of the uncertainty.
#pragma once

#include <string>
#include <vector>

#include "bench/record.h"
#include "bench/run.h"

namespace aisp::bench {

/// The conversation's version; a build that does not know it is refused.
inline constexpr const char* kDuelProtocol = "aisp.duel/1";

struct DuelOptions {
  std::string build_a, build_b;      // build folders, or the programs themselves
  std::vector<std::string> targets;  // labs, chapters, globs over those; empty: all
  std::string size = "full";
  int processes = 3;      // pairs of processes for each case; rows with a verdict get seven more
  double budget_s = 0.0;  // for all rows together; 0: 2 s for each
  double margin = 0.01;
  double level = 0.95;               // of all rows together (Bonferroni), for the first look
  std::uint64_t seed = 0;            // of inputs and order; 0: secret
  std::string out;                   // folder of the record; "": artifacts/<time>-<pid>
  std::vector<std::string> command;  // argv, for the record
};

struct DuelSummary {
  std::string folder;
  std::size_t rows = 0, faster = 0, slower = 0, equivalent = 0, undecided = 0, wrong = 0;
  std::vector<std::string> only_a, only_b;  // "lab technique" that the other build does not have
  bool interrupted = false;
};

/// Runs it. Each technique of each case is a case of the record, with build_a as the baseline and
/// build_b as the technique. Throws Error when a build is missing or does not know the protocol,
/// UsageError when the targets match nothing that both have.
DuelSummary run_duel(const DuelOptions& options, const RunProgress& progress);

/// Entry of the hidden duel-worker command: verifies, plans, and times epochs as it is told on
/// standard input. Lines: a job as JSON; "time INDEX ITERATIONS"; "end".
int duel_worker_main();

}  // namespace aisp::bench
