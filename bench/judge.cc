// Verdicts and derived figures of a case. See judge.h.
#include "bench/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/ceiling_loop.h"

namespace aisp::bench {
namespace {

// A time may undercut the fastest epoch of the ceiling's own kernel by this much before it is
// called impossible: clock boost between two measurements (5 % seen between minutes on one VM).
constexpr double kImpossibleBelow = 0.93;

// A technique may be this much quicker than the ceiling's loop beside it before that is said: the
// loop then is no ceiling, or part of the work stayed in caches.
constexpr double kAboveCeiling = 1.02;

// The clock of the multiprocessors fell or rose by this much between two techniques of one case.
constexpr double kClockMoved = 0.03;

// Wider than this without a verdict is noise, not a finding.
constexpr double kNoisyWidth = 0.10;

const Technique* technique_of(const Lab& lab, const std::string& name) {
  for (const Technique& technique : lab.techniques) {
    if (technique.name == name) return &technique;
  }
  return nullptr;
}

std::vector<Sample> samples_of(const ProcessRecord& process, const std::string& technique) {
  std::vector<Sample> samples;
  const auto found = process.series.find(technique);
  if (found == process.series.end()) return samples;
  for (std::size_t i = 0; i < found->second.wall_ns.size(); ++i) {
    samples.push_back({found->second.wall_ns[i], found->second.cpu_ns[i]});
  }
  return samples;
}

void fill_times(TechniqueResult& technique, const CaseResult& result, double level) {
  std::vector<double> times, mhz;
  const auto of = technique.pair.clock == Clock::kDevice ? &Series::cpu_ns : &Series::wall_ns;
  for (const ProcessRecord& process : result.processes) {
    const auto found = process.series.find(technique.name);
    if (found == process.series.end()) continue;
    const Series& series = found->second;
    times.insert(times.end(), (series.*of).begin(), (series.*of).end());
    mhz.insert(mhz.end(), series.sm_mhz.begin(), series.sm_mhz.end());
    if (!process.device) continue;
    const auto joule = process.device->joule.find(technique.name);
    if (joule != process.device->joule.end()) technique.joule = joule->second;
  }
  if (!mhz.empty()) technique.sm_mhz = median(mhz);
  technique.time_ns = median_interval(times, level);
  technique.p10_ns = quantile(times, 0.10);
  technique.p90_ns = quantile(times, 0.90);
  technique.p99_ns = quantile(times, 0.99);
  const double seconds = technique.time_ns.estimate * 1e-9;
  technique.gflop_per_s = result.flops / seconds * 1e-9;
  technique.gb_per_s = (result.bytes_read + result.bytes_written) / seconds * 1e-9;
  technique.items_per_s = result.items / seconds;
}

// Then nothing was held back, and the wall clock sees what the events do not.
bool waits_inside_calls(const Lab& lab, const CaseResult& result) {
  return std::any_of(result.techniques.begin(), result.techniques.end(), [&](const auto& row) {
    const Technique* technique = technique_of(lab, row.name);
    return technique != nullptr && technique->blocks && row.outcome != Outcome::kSkipped;
  });
}

// The technique's time over that of `other`, round by round in every process that ran both.
std::vector<PairResult> pairs_with(const std::string& other, const TechniqueResult& technique,
                                   const CaseResult& result, const Lab& lab,
                                   const JudgeRules& rules) {
  const auto plain = [&](const std::string& name) {
    const Technique* found = technique_of(lab, name);
    return found != nullptr ? found->threads == 1 && !found->blocks : name == ceiling_name(1);
  };
  PairRules pair_rules;
  pair_rules.margin = rules.margin;
  pair_rules.level = rules.level;
  pair_rules.cpu_clock_eligible = plain(technique.name) && plain(other);
  pair_rules.clock = rules.clock;
  pair_rules.clock_step_ns = rules.clock_step_ns;
  if (result.device == "cuda") {
    judge_by_device(pair_rules, !waits_inside_calls(lab, result));
  }
  std::vector<PairResult> processes;
  for (const ProcessRecord& process : result.processes) {
    auto theirs = samples_of(process, other);
    const auto mine = samples_of(process, technique.name);
    if (mine.empty() || theirs.size() < mine.size()) continue;
    theirs.resize(mine.size());
    pair_rules.baseline_iterations = process.series.at(other).iterations;
    pair_rules.technique_iterations = process.series.at(technique.name).iterations;
    processes.push_back(judge_pairs(theirs, mine, pair_rules));
  }
  return processes;
}

void fill_pair(TechniqueResult& technique, const CaseResult& result, const Lab& lab,
               const JudgeRules& rules) {
  technique.margin = rules.margin;
  technique.level = rules.level;
  const auto processes = pairs_with(result.baseline, technique, result, lab, rules);
  if (processes.empty()) return;
  technique.pair = combine_processes(processes, rules.margin);
  if (technique.name == result.baseline) technique.pair.verdict = Verdict::kEquivalent;
}

void fill_beside(TechniqueResult& technique, const CaseResult& result, const Lab& lab,
                 const JudgeRules& rules) {
  for (const TechniqueResult& row : result.techniques) {
    const bool mine = row.role == "ceiling" && row.threads == technique.threads;
    if (!mine || technique.role == "ceiling") continue;
    const auto processes = pairs_with(row.name, technique, result, lab, rules);
    if (processes.empty()) continue;
    const Interval ratio = combine_processes(processes, rules.margin).ratio;
    technique.beside = row.name;
    technique.beside_fraction = {1.0 / ratio.estimate, 1.0 / ratio.high, 1.0 / ratio.low};
  }
}

void call_impossible(TechniqueResult& technique, double least_ns, const char* bound) {
  technique.outcome = Outcome::kImpossible;
  technique.detector = "ceiling";
  technique.reason = fmt::format(
      "{:.4g} us for declared work that takes this machine {:.4g} us at its measured best ({} "
      "bound)",
      technique.time_ns.estimate / 1e3, least_ns / 1e3, bound);
}

// What fits into the L2 has no ceiling here: its bandwidth is not measured.
void fill_device_ceiling(TechniqueResult& technique, const CaseResult& result,
                         const DeviceCeilings& ceilings, const JudgeRules& rules) {
  if (ceilings.empty()) return;
  const DType dtype = dtype_of_name(result.flops_dtype).value_or(DType::kF32);
  const double bytes = result.bytes_read + result.bytes_written;
  const bool in_l2 = result.working_set_bytes < 2.0 * ceilings.l2_bytes && result.cache == "warm";
  // f32 work that is quicker than the f32 units was done by tensor cores: their rate is its
  // ceiling.
  const double plain = ceilings.compute_gflop_per_s(dtype, true);
  const bool on_tensor_cores =
      plain > 0.0 && technique.time_ns.high < kImpossibleBelow * result.flops / plain;
  const bool both_ways = result.bytes_read > 0.0 && result.bytes_written > 0.0;
  const auto floor_ns = [&](bool best, const char** bound) {
    const double wide = on_tensor_cores ? ceilings.tf32_gflop_per_s(dtype, best) : 0.0;
    const double compute = std::max(wide, ceilings.compute_gflop_per_s(dtype, best));
    const double memory = result.medium == "memory" && !in_l2 ? ceilings.memory_gb_per_s(best)
                          : result.medium == "host link" ? ceilings.link_gb_per_s(both_ways, best)
                                                         : 0.0;
    const double compute_ns = compute > 0.0 ? result.flops / compute : 0.0;
    const double memory_ns = memory > 0.0 ? bytes / memory : 0.0;
    *bound = std::max(compute_ns, memory_ns) == 0.0 ? ""
             : compute_ns >= memory_ns              ? "compute"
                                                    : "memory";
    return std::max(compute_ns, memory_ns);
  };
  const char *bound = "", *best_bound = "";
  technique.floor_ns = floor_ns(false, &bound);
  technique.bound = bound;
  technique.ceiling_fraction = technique.floor_ns / technique.time_ns.estimate;
  const double least_ns = floor_ns(true, &best_bound);
  if (rules.ceiling_check && technique.time_ns.high < kImpossibleBelow * least_ns) {
    call_impossible(technique, least_ns, best_bound);
  }
}

void fill_ceiling(TechniqueResult& technique, const CaseResult& result, const machine::Cpu& cpu,
                  const machine::Ceilings& ceilings, const JudgeRules& rules) {
  if (result.device == "cuda") {
    if (rules.device != nullptr) fill_device_ceiling(technique, result, *rules.device, rules);
    return;
  }
  if (ceilings.empty()) return;
  const DType flops_dtype = dtype_of_name(result.flops_dtype).value_or(DType::kF32);
  const int threads = technique.threads;
  const auto working_set = static_cast<std::size_t>(result.working_set_bytes);
  const auto floor_ns = [&](bool best, bool up, const char** bound) {
    const double compute = ceilings.compute_gflop_per_s(flops_dtype, threads, best);
    // The fraction is of the mix of loads and stores at hand; the impossible is beyond any mix.
    const double bytes = result.bytes_read + result.bytes_written;
    const double loads = best || bytes == 0.0 ? -1.0 : result.bytes_read / bytes;
    const double memory = ceilings.bandwidth_gb_per_s(cpu, working_set, threads, best, up, loads);
    const double compute_ns = compute > 0.0 ? result.flops / compute : 0.0;
    const bool has_memory = result.medium == "memory" && memory > 0.0;
    const double memory_ns = has_memory ? bytes / memory : 0.0;
    *bound = compute_ns == 0.0 && memory_ns == 0.0 ? ""
             : compute_ns >= memory_ns             ? "compute"
                                                   : "memory";
    return std::max(compute_ns, memory_ns);
  };
  const char* bound = "";
  technique.floor_ns = floor_ns(false, false, &bound);
  technique.bound = bound;
  technique.ceiling_fraction = technique.floor_ns / technique.time_ns.estimate;
  const char* ignored = "";
  const double least_ns = floor_ns(true, true, &ignored);
  if (technique.role == "ceiling") return;
  if (rules.ceiling_check && technique.time_ns.high < kImpossibleBelow * least_ns) {
    call_impossible(technique, least_ns, ignored);
  }
}

void device_labels(TechniqueResult& technique, const CaseResult& result, bool mig_slice) {
  if (mig_slice) technique.labels.emplace_back("MIG slice");
  technique.labels.push_back(result.cache + " cache");
  if (result.graph) technique.labels.emplace_back("graph replay");
  if (technique.pair.clock == Clock::kWall) technique.labels.emplace_back("launch gaps included");
  for (const ProcessRecord& process : result.processes) {
    if (!process.device) continue;
    if (process.device->throttle_reasons != 0) technique.labels.emplace_back("throttled");
    if (process.device->other_processes != 0) technique.labels.emplace_back("shared GPU");
  }
  for (const TechniqueResult& row : result.techniques) {
    const bool moved = row.sm_mhz > 0.0 && technique.sm_mhz > 0.0 && row.role == "baseline" &&
                       std::fabs(std::log(technique.sm_mhz / row.sm_mhz)) > kClockMoved;
    if (moved) technique.labels.emplace_back("another SM clock than the baseline's");
  }
  auto& all = technique.labels;
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

void fill_labels(TechniqueResult& technique, const CaseResult& result, const JudgeRules& rules) {
  if (technique.pair.contended) technique.labels.emplace_back("contended");
  if (technique.pair.clock == Clock::kCpu) technique.labels.emplace_back("cpu clock");
  if (technique.device == "cuda") device_labels(technique, result, rules.mig_slice);
  if (rules.clock == ClockRule::kPrinted) technique.labels.emplace_back("printed time");
  if (!technique.beside.empty() && technique.beside_fraction.estimate > kAboveCeiling) {
    technique.labels.emplace_back("quicker than the ceiling beside it");
  }
  if (!technique.has_isolated) return;
  const Interval &a = technique.pair.ratio, &b = technique.isolated.ratio;
  const bool apart = a.high < b.low || b.high < a.low;
  if (apart && std::fabs(std::log(a.estimate / b.estimate)) > std::log1p(rules.margin)) {
    technique.labels.emplace_back("isolated disagrees");
  }
}

bool is_noisy(const PairResult& pair) {
  if (pair.verdict != Verdict::kInconclusive) return false;
  return !std::isfinite(pair.ratio.high) || pair.ratio.high > pair.ratio.low * (1.0 + kNoisyWidth);
}

std::string why_noisy(const PairResult& pair) {
  if (!std::isfinite(pair.ratio.high)) {
    return fmt::format("{} rounds are too few for an interval: raise --budget", pair.rounds);
  }
  const double percent = 100.0 * (pair.ratio.high / pair.ratio.low - 1.0);
  if (pair.rounds_needed <= pair.rounds) {
    return fmt::format("the interval is {:.0f} % wide: its processes disagree", percent);
  }
  return fmt::format("the interval is {:.0f} % wide after {} rounds; about {} more would tell",
                     percent, pair.rounds, pair.rounds_needed - pair.rounds);
}

}  // namespace

void judge_case(CaseResult& result, const Lab& lab, const machine::Cpu& cpu,
                const machine::Ceilings& ceilings, const JudgeRules& rules) {
  const bool baseline_fell = std::any_of(
      result.techniques.begin(), result.techniques.end(), [&](const TechniqueResult& technique) {
        return technique.name == result.baseline && technique.outcome != Outcome::kOk;
      });
  for (TechniqueResult& technique : result.techniques) {
    if (technique.outcome != Outcome::kOk) continue;
    const bool measured = std::any_of(
        result.processes.begin(), result.processes.end(), [&](const ProcessRecord& process) {
          const auto found = process.series.find(technique.name);
          return found != process.series.end() && !found->second.wall_ns.empty();
        });
    if (!measured || baseline_fell) {
      technique.outcome = Outcome::kFailed;
      technique.reason =
          baseline_fell ? "not compared: the baseline fell" : "not measured: the worker failed";
      continue;
    }
    technique.labels.clear();
    fill_pair(technique, result, lab, rules);
    fill_times(technique, result, rules.level);
    fill_beside(technique, result, lab, rules);
    fill_labels(technique, result, rules);
    if (is_noisy(technique.pair) && technique.name != result.baseline) {
      technique.outcome = Outcome::kNoisy;
      technique.reason = why_noisy(technique.pair);
    }
    fill_ceiling(technique, result, cpu, ceilings, rules);
  }
}

bool beyond_ceilings(const CaseResult& result) {
  return std::any_of(result.techniques.begin(), result.techniques.end(), [](const auto& technique) {
    return technique.outcome == Outcome::kImpossible || technique.ceiling_fraction > 1.05;
  });
}

}  // namespace aisp::bench
