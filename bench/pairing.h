// The judgement: from paired samples to an interval and a verdict. Pure functions of the samples,
// so the same record always gives the same verdict.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/interval.h"

namespace aisp::bench {

/// Nanoseconds per iteration of one epoch on both clocks.
struct Sample {
  double wall_ns = 0.0;
  double cpu_ns = 0.0;
};

enum class Clock { kWall, kCpu };
enum class Verdict { kFaster, kSlower, kEquivalent, kInconclusive };

const char* name(Clock clock);
const char* name(Verdict verdict);

struct PairRules {
  double margin = 0.01;  // ratios within 1 +- margin are of no interest
  double level = 0.95;
  /// CPU time may stand in for wall time: both sides run one thread and never wait.
  bool cpu_clock_eligible = true;
  /// Iterations in an epoch of each side: an interval is never narrower than the step of the clock
  /// allows. 0: not known, no allowance.
  std::uint64_t baseline_iterations = 0;
  std::uint64_t technique_iterations = 0;
};

/// time(technique) / time(baseline): below 1 is faster.
struct PairResult {
  Interval ratio;  // on the chosen clock
  Interval ratio_wall, ratio_cpu;
  Clock clock = Clock::kWall;
  Verdict verdict = Verdict::kInconclusive;
  std::size_t rounds = 0;
  double disturbed_share = 0.0;   // of epochs that lost more than 10 % of their wall time
  bool contended = false;         // more than a tenth of the epochs disturbed
  std::size_t rounds_needed = 0;  // inconclusive only: an estimate of rounds to a verdict
};

/// One interval from log-ratios: anytime-valid sign interval, back on the ratio scale.
Interval ratio_interval(std::span<const double> log_ratios, double level);

/// faster: wholly below 1/(1+margin); slower: wholly above 1+margin; equivalent: wholly between.
Verdict verdict_of(const Interval& ratio, double margin);

/// Judges rounds of (baseline, technique). Clock rule: wall, unless the sides are eligible and more
/// than a quarter of the epochs were disturbed; then CPU, and the result says so.
PairResult judge_pairs(std::span<const Sample> baseline, std::span<const Sample> technique,
                       const PairRules& rules);

/// The wider component of several processes: the hull of their intervals, the median of their
/// estimates, the verdict of the hull.
PairResult combine_processes(std::span<const PairResult> processes, double margin);

}  // namespace aisp::bench
