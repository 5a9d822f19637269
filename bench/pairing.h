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
  double cpu_ns = 0.0;  // CPU time; on a GPU, the time between two events on the stream
  double sm_mhz = 0.0;  // on a GPU: the mean clock of its multiprocessors meanwhile
};

enum class Clock { kWall, kCpu, kDevice };
/// Which clock decides. Rules other than kDeclared serve whole commands, of which nobody knows how
/// many threads they run.
enum class ClockRule {
  kDeclared,  // wall; CPU where PairRules::cpu_clock_eligible and the machine is disturbed
  kObserved,  // the same, eligible being what the samples show: see one_busy_thread()
  kWall,
  kCpu,
  kDevice,  // that of the GPU
  kPrinted  // wall_ns holds the time that the program itself printed
};
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
  /// The step of the clock. 10 ns (26 ticks) on Zen 4 is the coarsest x86 counter known to us.
  double clock_step_ns = 10.0;
  ClockRule clock = ClockRule::kDeclared;
};

/// For epochs on a GPU: its own clock decides, or the wall clock where launches were not held back.
void judge_by_device(PairRules& rules, bool held);

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

/// True when the samples are those of one thread that never waits: the quietest one had a CPU for
/// 95 % of its wall time or more, and none had more than one CPU (5 % of room).
bool one_busy_thread(std::span<const Sample> samples);

/// Decided, and with `precision` > 0 also narrow enough to be worth reading: high / low - 1 at most
/// `precision`, and more where the ratio is far from 1 (2 % at 1x becomes 12 % at 5x).
bool settled(const PairResult& result, double precision);

/// Judges rounds of (baseline, technique). Clock rule: wall, unless the sides are eligible and more
/// than a quarter of the epochs were disturbed; then CPU, and the result says so.
PairResult judge_pairs(std::span<const Sample> baseline, std::span<const Sample> technique,
                       const PairRules& rules);

/// The wider component of several processes: the hull of their intervals, the median of their
/// estimates, the verdict of the hull.
PairResult combine_processes(std::span<const PairResult> processes, double margin);

}  // namespace aisp::bench
