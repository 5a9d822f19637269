// The self-test: pairs of known ratio (selftest_subject.h) through the trial, counted.
#include "bench/selftest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "bench/clock.h"
#include "bench/lab.h"
#include "bench/selftest_subject.h"
#include "bench/selftest_workloads.h"

namespace aisp::bench {
namespace {

class CpuSubject final : public SelftestSubject {
 public:
  explicit CpuSubject(std::uint64_t seed) : next_(random_cycle(seed)) {
    for (const SelftestWorkload& workload : kSelftestWorkloads) {
      const double truth =
          static_cast<double>(workload.steps_with_effect()) / static_cast<double>(workload.steps);
      pairs_.push_back(
          {workload.name, workload.effect, workload.margin, truth, workload.seconds_each > 0.1});
    }
  }
  const std::vector<SelftestPair>& pairs() const override { return pairs_; }
  void set_rules(TrialOptions&) const override {}

  Contender contender(std::size_t pair, bool with_effect) override {
    const SelftestWorkload& workload = kSelftestWorkloads[pair];
    const std::uint64_t steps = with_effect ? workload.steps_with_effect() : workload.steps;
    const std::uint32_t* next = next_.data();
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

 private:
  std::vector<std::uint32_t> next_;
  std::vector<SelftestPair> pairs_;
};

void one_trial(SelftestRow& row, SelftestSubject& subject, std::size_t index, std::uint64_t seed,
               double budget_s) {
  const SelftestPair& planned = subject.pairs()[index];
  // The planted side alternates by seed, so that a bias towards one side would show.
  const bool flip = (splitmix64(seed) & 1) != 0;
  const std::vector<Contender> pair = {subject.contender(index, flip),
                                       subject.contender(index, !flip)};
  TrialOptions options;
  options.rules.margin = planned.margin;
  options.budget_s = budget_s;
  options.seed = seed;
  subject.set_rules(options);
  const TrialRecord record = run_trial(pair, options);
  const PairResult& result = record.contenders[1].result;
  const double truth = flip ? 1.0 / planned.truth : planned.truth;
  const bool alarm = result.verdict == Verdict::kFaster || result.verdict == Verdict::kSlower;
  const Verdict planted = flip ? Verdict::kFaster : Verdict::kSlower;
  ++row.trials;
  row.alarms += alarm;
  row.right += planned.effect == 0.0 ? !alarm : result.verdict == planted;
  row.covered += result.ratio.contains(truth);
  row.inconclusive += result.verdict == Verdict::kInconclusive;
  row.cpu_clock += result.clock == Clock::kCpu;
  row.ratios.push_back(flip ? 1.0 / result.ratio.estimate : result.ratio.estimate);
  row.widths.push_back(result.ratio.high / result.ratio.low - 1.0);
  row.seconds.push_back(record.seconds);
}

}  // namespace

std::unique_ptr<SelftestSubject> selftest_on_cpu(std::uint64_t seed) {
  return std::make_unique<CpuSubject>(seed);
}

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
  const bool on_cpu = options.device == Device::kCpu;
  SelftestResult result;
  result.load = options.load;
  const std::int64_t begin = kernel_clock_ns(CLOCK_MONOTONIC);
  const auto elapsed_s = [&] {
    return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC) - begin) * 1e-9;
  };
  if (on_cpu) result.loop_overhead_ns = measure_loop_overhead_ns();
  if (on_cpu) result.setup_bias_ns = measure_setup_bias_ns();
  const auto subject = on_cpu ? selftest_on_cpu(options.seed) : selftest_on_device();
  for (const SelftestPair& pair : subject->pairs()) {
    result.rows.push_back({pair.workload, pair.effect, pair.margin});
    result.rows.back().truth = pair.truth;
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
      const int repeats = subject->pairs()[i].is_long ? 1 : 8;
      for (int repeat = 0; repeat < repeats; ++repeat) {
        const bool wanted =
            options.trials > 0 ? row.trials < options.trials : elapsed_s() < options.seconds;
        if (!wanted) break;
        more = true;
        one_trial(row, *subject, i, derive_seed(options.seed, ++serial), trial_budget_s);
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
    if (row.trials == 0) continue;
    row.ratio_median = median(row.ratios);
    row.width_median = median(row.widths);
    row.seconds_median = median(row.seconds);
  }
  result.seconds = elapsed_s();
  return result;
}

}  // namespace aisp::bench
