// The self-test: pairs of known ratio (selftest_workloads.h) through the trial, counted.
#include "bench/selftest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "bench/clock.h"
#include "bench/lab.h"
#include "bench/selftest_workloads.h"
#include "bench/trial.h"

namespace aisp::bench {
namespace {

Contender chain(const SelftestWorkload& workload, std::uint64_t steps, const std::uint32_t* next) {
  Contender contender;
  contender.name = workload.name;
  if (workload.memory) {
    contender.run = [steps, next](std::uint64_t n) {
      std::uint32_t at = 0;
      for (std::uint64_t i = 0; i < n; ++i) at = memory_chain(steps, next, at);
      selftest_sink = at;
    };
  } else {
    contender.run = [steps](std::uint64_t n) {
      std::uint64_t x = 1;  // carried, or the tail of one call would overlap the head of the next
      for (std::uint64_t i = 0; i < n; ++i) x = compute_chain(steps, x);
      selftest_sink = x;
    };
  }
  return contender;
}

void one_trial(SelftestRow& row, const SelftestWorkload& workload, const std::uint32_t* next,
               std::uint64_t seed, double budget_s) {
  const std::uint64_t more = workload.steps_with_effect();
  // The planted side alternates by seed, so that a bias towards one side would show.
  const bool flip = (splitmix64(seed) & 1) != 0;
  const std::uint64_t base_steps = flip ? more : workload.steps;
  const std::uint64_t mine_steps = flip ? workload.steps : more;
  const std::vector<Contender> pair = {chain(workload, base_steps, next),
                                       chain(workload, mine_steps, next)};
  TrialOptions options;
  options.rules.margin = workload.margin;
  options.budget_s = budget_s;
  options.seed = seed;
  const TrialRecord record = run_trial(pair, options);
  const PairResult& result = record.contenders[1].result;
  const double truth = static_cast<double>(mine_steps) / static_cast<double>(base_steps);
  const bool alarm = result.verdict == Verdict::kFaster || result.verdict == Verdict::kSlower;
  const Verdict planted = flip ? Verdict::kFaster : Verdict::kSlower;
  ++row.trials;
  row.alarms += alarm;
  row.right += workload.effect == 0.0 ? !alarm : result.verdict == planted;
  row.covered += result.ratio.contains(truth);
  row.inconclusive += result.verdict == Verdict::kInconclusive;
  row.cpu_clock += result.clock == Clock::kCpu;
  row.widths.push_back(result.ratio.high / result.ratio.low - 1.0);
  row.seconds.push_back(record.seconds);
}

}  // namespace

double measure_loop_overhead_ns() {
  auto plan = plan_of([](const Io&) {});
  const Io io({}, {});
  const Contender empty{"empty", [&](std::uint64_t n) { plan->run(io, n); }};
  std::vector<double> samples;
  for (int i = 0; i < 200; ++i) samples.push_back(time_epoch(empty, 100000).wall_ns);
  return median(samples);
}

double measure_setup_bias_ns() {
  Contender loop{"loop", [](std::uint64_t n) {
                   for (std::uint64_t i = 0; i < n; ++i) selftest_sink = compute_chain(500, i);
                 }};
  Contender alone = loop;
  alone.before_each = [] {};
  std::vector<double> differences;
  for (int i = 0; i < 400; ++i) {
    differences.push_back(time_epoch(alone, 50).wall_ns - time_epoch(loop, 50).wall_ns);
  }
  return std::fabs(median(differences));
}

SelftestResult run_selftest(const SelftestOptions& options) {
  const auto next = random_cycle(options.seed);
  SelftestResult result;
  result.load = options.load;
  const std::int64_t begin = kernel_clock_ns(CLOCK_MONOTONIC);
  const auto elapsed_s = [&] {
    return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC) - begin) * 1e-9;
  };
  result.loop_overhead_ns = measure_loop_overhead_ns();
  result.setup_bias_ns = measure_setup_bias_ns();
  for (const SelftestWorkload& workload : kSelftestWorkloads) {
    result.rows.push_back({workload.name, workload.effect, workload.margin});
  }
  const BackgroundLoad load(options.load);
  // Passes over all rows, so that drift in the machine meets every row alike. A pass gives short
  // operations many trials for each one of a long operation.
  std::uint64_t serial = 0;
  // Half a second of processor time decides a trial of 5 ms operations; a crowded machine takes
  // many times as long to give it. A short self-test cannot wait for that and counts
  // "inconclusive".
  const double trial_budget_s =
      options.trials > 0 ? 10.0 : std::clamp(options.seconds / 14.0, 1.0, 10.0);
  bool more = true;
  for (std::int64_t pass = 0; more; ++pass) {
    more = false;
    for (std::size_t i = 0; i < result.rows.size(); ++i) {
      SelftestRow& row = result.rows[i];
      const bool is_long = kSelftestWorkloads[i].seconds_each > 0.1;
      const int repeats = is_long ? 1 : 8;
      for (int repeat = 0; repeat < repeats; ++repeat) {
        const bool wanted =
            options.trials > 0 ? row.trials < options.trials : elapsed_s() < options.seconds;
        if (!wanted) break;
        more = true;
        one_trial(row, kSelftestWorkloads[i], next.data(), derive_seed(options.seed, ++serial),
                  trial_budget_s);
        if (!options.progress) continue;
        double done = elapsed_s() / options.seconds;
        if (options.trials > 0) {
          done = 0.0;
          for (const auto& each : result.rows) done += static_cast<double>(each.trials);
          done /= static_cast<double>(options.trials) * static_cast<double>(result.rows.size());
        }
        options.progress(std::min(1.0, done));
      }
    }
  }
  for (SelftestRow& row : result.rows) {
    row.width_median = median(row.widths);
    row.seconds_median = median(row.seconds);
  }
  result.seconds = elapsed_s();
  return result;
}

}  // namespace aisp::bench
