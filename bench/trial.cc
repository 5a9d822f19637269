// The measuring loop. See trial.h.
#include "bench/trial.h"

#include <algorithm>
#include <cmath>

#include "bench/clock.h"
#include "machine/cpu.h"
#include "machine/vector_state.h"

namespace aisp::bench {
namespace {

// Calls longer than this refill their own caches within the epoch; shorter ones get an untimed
// call first, so that the neighbour's epoch does not count against them.
constexpr double kWarmUpBelowNs = 2e6;

clockid_t cpu_clock_of(const Contender& contender) {
  return contender.threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID;
}

bool cpu_clock_eligible(const Contender& a, const Contender& b) {
  return a.threads == 1 && b.threads == 1 && !a.blocks && !b.blocks;
}

// Looking costs a sort: every 4 rounds at first, then ever more seldom.
bool time_to_look(std::size_t rounds, std::size_t min_rounds) {
  if (rounds < min_rounds) return false;
  return rounds % std::max<std::size_t>(4, rounds / 32) == 0;
}

class Trial {
 public:
  Trial(const std::vector<Contender>& contenders, const TrialOptions& options,
        const EpochHooks& hooks)
      : contenders_(contenders), options_(options), hooks_(hooks), rng_(options.seed) {
    record_.contenders.resize(contenders.size());
    for (std::size_t i = 0; i < contenders.size(); ++i)
      record_.contenders[i].name = contenders[i].name;
  }

  TrialRecord run() {
    ns_per_tick();  // calibrated outside the budget
    const std::int64_t begin = kernel_clock_ns(CLOCK_MONOTONIC);
    const auto elapsed_s = [&] {
      return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC) - begin) * 1e-9;
    };
    set_iterations();
    std::vector<std::size_t> active;
    for (std::size_t i = 0; i < contenders_.size(); ++i) {
      if (!record_.contenders[i].thrown_out) active.push_back(i);
    }
    while (record_.rounds < options_.max_rounds && !active.empty() && !lost_baseline()) {
      one_round(active);
      if (lost_baseline()) break;
      // Fewer rounds than min_rounds decide nothing: up to three budgets to reach them.
      const double patience = record_.rounds < options_.min_rounds ? 3.0 : 1.0;
      const bool out_of_time = elapsed_s() > patience * options_.budget_s;
      if (time_to_look(record_.rounds, options_.min_rounds) || out_of_time) drop_decided(active);
      if (out_of_time || all_decided(active)) break;
    }
    for (std::size_t i = 1; i < contenders_.size(); ++i) judge(i);
    record_.seconds = elapsed_s();
    return std::move(record_);
  }

 private:
  bool undecided(std::size_t index) const { return index != 0 && !contenders_[index].companion; }

  // A trial of nothing but a baseline and its companions goes on until its time is up.
  bool all_decided(const std::vector<std::size_t>& active) const {
    const auto subject = [&](const Contender& one) {
      return &one != &contenders_.front() && !one.companion;
    };
    return std::any_of(contenders_.begin(), contenders_.end(), subject) &&
           std::none_of(active.begin(), active.end(),
                        [&](std::size_t index) { return undecided(index); });
  }

  bool lost_baseline() const { return record_.contenders[0].thrown_out; }

  // Contenders close to the baseline share its iteration count: the loop's edge then costs the same
  // on both sides. Far ones get their own, or slow baselines would force minute-long epochs.
  void set_iterations() {
    for (std::size_t i = 0; i < contenders_.size(); ++i) {
      ContenderRecord& mine = record_.contenders[i];
      const double epoch_ns = options_.iterations != 0 ? 0.0 : options_.epoch_ns;
      mine.iterations = calibrate(contenders_[i], epoch_ns, &mine.first_estimate_ns);
      const double ratio = mine.first_estimate_ns / record_.contenders[0].first_estimate_ns;
      if (ratio > 0.7 && ratio < 1.43) mine.iterations = record_.contenders[0].iterations;
      if (options_.iterations != 0) mine.iterations = options_.iterations;
      mine.iterations = std::min(mine.iterations, contenders_[i].most_iterations);
      if (hooks_.calibrated && !hooks_.calibrated(i)) mine.thrown_out = true;
    }
  }

  Sample epoch(std::size_t index) {
    ContenderRecord& mine = record_.contenders[index];
    const Contender& contender = contenders_[index];
    // What one contender leaves dirty in the vector registers must not slow the next one down.
    if (machine::cpu().avx2) machine::clear_upper_halves();
    const bool warms_up = !contender.before_each && contender.run;
    if (warms_up && mine.first_estimate_ns < kWarmUpBelowNs) contender.run(1);
    if (hooks_.before) hooks_.before(index, record_.rounds);
    bool conflict = false;
    const Sample sample = time_epoch(contender, mine.iterations, &conflict);
    mine.clock_conflicts += conflict ? 1 : 0;
    if (hooks_.after && !hooks_.after(index, record_.rounds)) mine.thrown_out = true;
    return sample;
  }

  void one_round(std::vector<std::size_t>& active) {
    if (hooks_.begin_round) hooks_.begin_round(record_.rounds);
    for (std::size_t i = active.size(); i > 1; --i) std::swap(active[i - 1], active[rng_.below(i)]);
    std::vector<std::pair<std::size_t, Sample>> taken;
    for (const std::size_t index : active) taken.emplace_back(index, epoch(index));
    std::erase_if(active, [&](std::size_t i) { return record_.contenders[i].thrown_out; });
    if (lost_baseline()) return;
    Sample baseline;
    for (const auto& [index, sample] : taken) {
      if (index == 0) baseline = sample;
    }
    for (const auto& [index, sample] : taken) {
      ContenderRecord& mine = record_.contenders[index];
      if (mine.thrown_out) continue;
      mine.samples.push_back(sample);
      if (index != 0) mine.baseline.push_back(baseline);
    }
    ++record_.rounds;
  }

  void judge(std::size_t index) {
    ContenderRecord& mine = record_.contenders[index];
    PairRules rules = options_.rules;
    rules.cpu_clock_eligible = cpu_clock_eligible(contenders_[0], contenders_[index]);
    rules.baseline_iterations = record_.contenders[0].iterations;
    rules.technique_iterations = mine.iterations;
    mine.result = judge_pairs(mine.baseline, mine.samples, rules);
  }

  void drop_decided(std::vector<std::size_t>& active) {
    std::erase_if(active, [&](std::size_t index) {
      if (!undecided(index)) return false;
      judge(index);
      return settled(record_.contenders[index].result, options_.precision);
    });
  }

  const std::vector<Contender>& contenders_;
  const TrialOptions& options_;
  const EpochHooks& hooks_;
  Rng rng_;
  TrialRecord record_;
};

}  // namespace

namespace {

// One reading of the clocks around body(), ticks innermost. `kernel_ns`: what the kernel says of
// the same time, to hold the counter against.
struct Reading {
  double wall_ns, cpu_ns, kernel_ns;
};

// The caller's CPU time is exact at every reading, and a preemption between two readings does not
// count, so that a busy machine looks innocent. The process's is not: what other threads ran since
// their last tick (4 ms) is booked when they sleep, inside somebody else's call. Beside threads the
// kernel's wall clock is held against the counter; preemptions touch a few epochs, never half.
template <class Body>
Reading read_around(int threads, clockid_t clock, double ns_per_tick, const Body& body) {
  const std::int64_t kernel = threads == 1 ? 0 : kernel_clock_ns(CLOCK_MONOTONIC_RAW);
  const std::int64_t cpu = kernel_clock_ns(clock);
  const std::uint64_t begin = ticks();
  body();
  const std::uint64_t end = ticks();
  const std::int64_t cpu_end = kernel_clock_ns(clock);
  const std::int64_t kernel_end = threads == 1 ? 0 : kernel_clock_ns(CLOCK_MONOTONIC_RAW);
  const auto cpu_ns = static_cast<double>(cpu_end - cpu);
  return {static_cast<double>(static_cast<std::int64_t>(end - begin)) * ns_per_tick, cpu_ns,
          threads == 1 ? cpu_ns : static_cast<double>(kernel_end - kernel)};
}

// More time passed than the counter says.
bool in_conflict(const Reading& reading) {
  // Room for the readings themselves (1-2 us) and for the drift of a clock under adjustment.
  return reading.kernel_ns > 1.15 * reading.wall_ns + 10e3;
}

}  // namespace

Sample time_epoch(const Contender& contender, std::uint64_t iterations, bool* conflict) {
  if (contender.timed) return contender.timed(iterations, conflict);
  const clockid_t clock = cpu_clock_of(contender);
  const double per_tick = ns_per_tick();
  const auto n = static_cast<double>(iterations);
  if (!contender.before_each) {
    const Reading reading =
        read_around(contender.threads, clock, per_tick, [&] { contender.run(iterations); });
    if (conflict != nullptr) *conflict = in_conflict(reading);
    return {reading.wall_ns / n, reading.cpu_ns / n};
  }
  const double overhead = tick_overhead_ns();
  Sample sum;
  std::uint64_t conflicts = 0;
  for (std::uint64_t i = 0; i < iterations; ++i) {
    contender.before_each();
    const Reading reading =
        read_around(contender.threads, clock, per_tick, [&] { contender.run(1); });
    conflicts += in_conflict(reading) ? 1 : 0;
    sum.cpu_ns += reading.cpu_ns;
    sum.wall_ns += std::max(0.0, reading.wall_ns - overhead);
  }
  if (conflict != nullptr) *conflict = 2 * conflicts > iterations;
  return {sum.wall_ns / n, sum.cpu_ns / n};
}

std::uint64_t calibrate(const Contender& contender, double epoch_ns, double* estimate_ns) {
  time_epoch(contender, 1);  // pays page faults and cold caches
  std::uint64_t iterations = 1;
  double per_iteration = 0.0;
  for (;; iterations *= 2) {
    // The lesser of two: a preempted reading must not end the search.
    per_iteration = std::min(time_epoch(contender, iterations).wall_ns,
                             time_epoch(contender, iterations).wall_ns);
    if (per_iteration * static_cast<double>(iterations) >= 0.5 * epoch_ns) break;
    if (iterations >= (1u << 28) || 2 * iterations > contender.most_iterations) break;
  }
  if (estimate_ns != nullptr) *estimate_ns = std::max(per_iteration, 0.01);
  const double wanted = std::floor(epoch_ns / std::max(per_iteration, 0.01) + 0.5);
  const double most = std::min(1e9, static_cast<double>(contender.most_iterations));
  return static_cast<std::uint64_t>(std::clamp(wanted, 1.0, most));
}

TrialRecord run_trial(const std::vector<Contender>& contenders, const TrialOptions& options,
                      const EpochHooks& hooks) {
  return Trial(contenders, options, hooks).run();
}

PairResult run_isolated(const Contender& baseline, const Contender& contender,
                        const TrialOptions& options, int block_pairs) {
  Rng rng(derive_seed(options.seed, 77));
  double base_ns = 0.0, mine_ns = 0.0;
  const std::uint64_t base_n = calibrate(baseline, options.epoch_ns, &base_ns);
  const std::uint64_t mine_n = calibrate(contender, options.epoch_ns, &mine_ns);
  const double block_s = options.budget_s / (2.0 * block_pairs);
  const auto block = [&](const Contender& which, std::uint64_t n) {
    std::vector<double> wall, cpu;
    const std::int64_t begin = kernel_clock_ns(CLOCK_MONOTONIC);
    do {
      const Sample sample = time_epoch(which, n);
      wall.push_back(sample.wall_ns);
      cpu.push_back(sample.cpu_ns);
    } while (static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC) - begin) * 1e-9 < block_s);
    // The first half of a block warms caches and predictors for the second.
    const auto settled = [](std::vector<double>& all) {
      return median(std::span(all).subspan(all.size() / 2));
    };
    return Sample{settled(wall), settled(cpu)};
  };
  std::vector<double> logs;
  for (int pair = 0; pair < block_pairs; ++pair) {
    Sample base, mine;
    if (rng.below(2) == 0) {
      base = block(baseline, base_n);
      mine = block(contender, mine_n);
    } else {
      mine = block(contender, mine_n);
      base = block(baseline, base_n);
    }
    const auto clock =
        options.rules.clock == ClockRule::kDevice ? &Sample::cpu_ns : &Sample::wall_ns;
    logs.push_back(std::log(mine.*clock / base.*clock));
  }
  PairResult result;
  const Interval interval = median_interval(logs, options.rules.level);
  result.ratio = {std::exp(interval.estimate), std::exp(interval.low), std::exp(interval.high)};
  result.ratio_wall = result.ratio;
  result.rounds = logs.size();
  result.verdict = verdict_of(result.ratio, options.rules.margin);
  return result;
}

}  // namespace aisp::bench
