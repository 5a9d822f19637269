// Verdicts from paired samples. See pairing.h.
#include "bench/pairing.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace aisp::bench {
namespace {

// An epoch is disturbed when it got less than this share of a CPU: timer interrupts cost well under
// 1 %, one lost scheduler slice (3 ms) costs a 0.1 ms epoch almost everything.
constexpr double kUndisturbed = 0.9;
constexpr double kContendedShare = 0.10;
constexpr double kCpuClockShare = 0.25;

std::vector<double> log_ratios(std::span<const Sample> baseline, std::span<const Sample> technique,
                               double Sample::*clock) {
  std::vector<double> logs(baseline.size());
  for (std::size_t i = 0; i < logs.size(); ++i) {
    logs[i] = std::log(std::max(technique[i].*clock, 1e-6) / std::max(baseline[i].*clock, 1e-6));
  }
  return logs;
}

/// Clocks step. Quiet epochs of one side all read the same multiple of the step, and an interval of
/// their ratio is a millionth wide and wrong: the median of what is read is up to half a step from
/// the truth, on either side. The log-ratio's uncertainty from that: 1e-4 for epochs of 0.1 ms.
double clock_allowance(std::span<const Sample> baseline, std::span<const Sample> technique,
                       const PairRules& rules) {
  if (rules.baseline_iterations == 0 || rules.technique_iterations == 0) return 0.0;
  const double step = rules.clock_step_ns;
  const auto half_step = [step](std::span<const Sample> samples, std::uint64_t iterations) {
    double shortest = std::numeric_limits<double>::infinity();
    for (const Sample& sample : samples) shortest = std::min(shortest, sample.wall_ns);
    return 0.5 * step / std::max(shortest * static_cast<double>(iterations), step);
  };
  return half_step(baseline, rules.baseline_iterations) +
         half_step(technique, rules.technique_iterations);
}

void widen_by(Interval& ratio, double log_allowance) {
  ratio.low *= std::exp(-log_allowance);
  ratio.high *= std::exp(log_allowance);
}

double disturbed_share(std::span<const Sample> samples) {
  if (samples.empty()) return 0.0;
  const auto disturbed = std::count_if(samples.begin(), samples.end(), [](const Sample& sample) {
    return sample.cpu_ns < kUndisturbed * sample.wall_ns;
  });
  return static_cast<double>(disturbed) / static_cast<double>(samples.size());
}

// How many rounds until the interval, which shrinks with 1/sqrt(n), would leave the margin's edge.
std::size_t rounds_to_verdict(const Interval& ratio, std::size_t rounds, double margin) {
  if (!std::isfinite(ratio.low) || !std::isfinite(ratio.high) || ratio.low <= 0.0)
    return 4 * rounds;
  // The arm that still reaches over an edge: intervals of skewed samples have arms of two lengths.
  const double edge = std::log1p(margin), at = std::log(ratio.estimate);
  const double down = at - std::log(ratio.low), up = std::log(ratio.high) - at;
  const double arm = at > edge ? down : at < -edge ? up : std::max(down, up);
  const double away = std::fabs(std::fabs(at) - edge);
  const double factor = arm / std::max(away, 1e-4);
  return static_cast<std::size_t>(std::min(1e9, static_cast<double>(rounds) * factor * factor)) + 1;
}

}  // namespace

const char* name(Clock clock) {
  return clock == Clock::kWall ? "wall" : clock == Clock::kCpu ? "cpu" : "device";
}

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFaster:
      return "faster";
    case Verdict::kSlower:
      return "slower";
    case Verdict::kEquivalent:
      return "equivalent";
    case Verdict::kInconclusive:
      return "inconclusive";
  }
  return "?";
}

Interval ratio_interval(std::span<const double> logs, double level) {
  const Interval interval = anytime_median_interval(logs, level);
  return {std::exp(interval.estimate), std::exp(interval.low), std::exp(interval.high)};
}

Verdict verdict_of(const Interval& ratio, double margin) {
  if (ratio.high < 1.0 / (1.0 + margin)) return Verdict::kFaster;
  if (ratio.low > 1.0 + margin) return Verdict::kSlower;
  if (ratio.low > 1.0 / (1.0 + margin) && ratio.high < 1.0 + margin) return Verdict::kEquivalent;
  return Verdict::kInconclusive;
}

bool one_busy_thread(std::span<const Sample> samples) {
  double most = 0.0;
  for (const Sample& sample : samples) {
    most = std::max(most, sample.cpu_ns / std::max(sample.wall_ns, 1e-6));
  }
  return most >= 0.95 && most <= 1.05;
}

bool settled(const PairResult& result, double precision) {
  if (result.verdict == Verdict::kInconclusive) return false;
  if (precision <= 0.0) return true;
  const double wanted = precision * (1.0 + 3.0 * std::fabs(std::log(result.ratio.estimate)));
  return result.ratio.high <= result.ratio.low * (1.0 + wanted);
}

void judge_by_device(PairRules& rules, bool held) {
  rules.clock = held ? ClockRule::kDevice : ClockRule::kWall;
  // Source: cudaEventElapsedTime, "a resolution of approximately 0.5 microseconds".
  rules.clock_step_ns = 500.0;
}

PairResult judge_pairs(std::span<const Sample> baseline, std::span<const Sample> technique,
                       const PairRules& rules) {
  check(baseline.size() == technique.size(), "paired samples differ in number");
  PairResult result;
  result.rounds = baseline.size();
  result.ratio_wall =
      ratio_interval(log_ratios(baseline, technique, &Sample::wall_ns), rules.level);
  result.ratio_cpu = ratio_interval(log_ratios(baseline, technique, &Sample::cpu_ns), rules.level);
  const double allowance = clock_allowance(baseline, technique, rules);
  widen_by(result.ratio_wall, allowance);
  widen_by(result.ratio_cpu, allowance);
  const bool eligible = rules.clock == ClockRule::kDeclared
                            ? rules.cpu_clock_eligible
                            : rules.clock == ClockRule::kObserved && one_busy_thread(baseline) &&
                                  one_busy_thread(technique);
  if (rules.clock == ClockRule::kCpu) result.clock = Clock::kCpu;
  if (rules.clock == ClockRule::kDevice) result.clock = Clock::kDevice;
  if (eligible) {
    result.disturbed_share = std::max(disturbed_share(baseline), disturbed_share(technique));
    result.contended = result.disturbed_share > kContendedShare;
    if (result.disturbed_share > kCpuClockShare) result.clock = Clock::kCpu;
  }
  result.ratio = result.clock == Clock::kWall ? result.ratio_wall : result.ratio_cpu;
  result.verdict = verdict_of(result.ratio, rules.margin);
  if (result.verdict == Verdict::kInconclusive) {
    result.rounds_needed = rounds_to_verdict(result.ratio, result.rounds, rules.margin);
  }
  return result;
}

PairResult combine_processes(std::span<const PairResult> processes, double margin) {
  check(!processes.empty(), "no process to combine");
  PairResult result = processes.front();
  std::vector<double> estimates;
  for (const PairResult& one : processes) {
    estimates.push_back(one.ratio.estimate);
    const auto widen = [](Interval& hull, const Interval& with) {
      hull.low = std::min(hull.low, with.low);
      hull.high = std::max(hull.high, with.high);
    };
    widen(result.ratio, one.ratio);
    widen(result.ratio_wall, one.ratio_wall);
    widen(result.ratio_cpu, one.ratio_cpu);
    if (one.clock != Clock::kWall) result.clock = one.clock;
    result.disturbed_share = std::max(result.disturbed_share, one.disturbed_share);
    result.contended = result.contended || one.contended;
    result.rounds_needed = std::max(result.rounds_needed, one.rounds_needed);
  }
  result.rounds = 0;
  for (const PairResult& one : processes) result.rounds += one.rounds;
  result.ratio.estimate = median(estimates);
  result.verdict = verdict_of(result.ratio, margin);
  return result;
}

}  // namespace aisp::bench
