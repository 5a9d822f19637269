// How far can the gate be trusted? Recorded sessions without a change between them are resampled
// into gates: some sessions are what was recorded, others what is judged. Every red is then false.
// The same gates with one row slowed by a known step tell how often that is found, and how soon.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/gate.h"

namespace aisp::bench {

struct ReplayOptions {
  std::size_t trials = 1000;
  std::size_t recorded = 6;  // sessions taken as recorded in each trial
  double step = 1.03;        // planted
  std::uint64_t seed = 1;
  GateRules rules;
};

struct ReplayReport {
  std::size_t sessions = 0, trials = 0, rows = 0;  // rows: judged, over all trials
  std::size_t false_reds = 0, trials_with_false_red = 0, suspects = 0;
  // Rows of which the recorded spread says that they can show the step, and the others.
  std::size_t planted_fit = 0, found_first = 0, found_second = 0;
  std::size_t planted_unfit = 0, found_unfit = 0;
};

/// Each trial draws `recorded` sessions, and two neighbouring others as the first and the second
/// run. Within a session the processes are drawn again with replacement, and so are their rounds.
/// Throws Error with fewer than recorded + 2 sessions, or when they are of several machines.
ReplayReport replay_gate(const std::vector<RunRecord>& sessions, const ReplayOptions& options);

}  // namespace aisp::bench
