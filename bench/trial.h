// The measuring loop. Every round runs one short epoch of the baseline and one of every undecided
// contender, in random order, on two clocks; after a few rounds each contender is judged, and the
// trial stops when all are decided or the budget is spent.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "bench/pairing.h"

namespace aisp::bench {

/// Something to time. Index 0 of a trial is the baseline.
struct Contender {
  std::string name;
  std::function<void(std::uint64_t iterations)> run;
  /// Runs before every single call, outside the clock; calls are then timed one by one and the
  /// clock's own cost is subtracted. Optional.
  std::function<void()> before_each;
  /// Times an epoch of `iterations` itself, before_each included: a contender in another process
  /// (duel.h) or on a GPU (device_bench.h). Then run, where there is one, only warms up. Optional.
  std::function<Sample(std::uint64_t iterations, bool* conflict)> timed;
  std::uint64_t most_iterations = 1u << 30;  // in one epoch
  int threads = 1;      // more than one: the CPU clock is the process's and cannot decide
  bool blocks = false;  // waits for something: likewise
  /// Runs as long as anybody does and decides nothing: a yardstick (ceiling_loop.h).
  bool companion = false;
};

struct TrialOptions {
  PairRules rules;
  double epoch_ns = 100e3;  // aim of one epoch: short enough to fit between preemptions
  double budget_s = 2.0;
  std::size_t min_rounds = 16;
  std::size_t max_rounds = 4000;
  std::uint64_t iterations = 0;  // fixed per epoch; 0 = calibrate
  /// Keep going after the decision until the interval is this narrow (high/low - 1, more where the
  /// ratio is far from 1); 0 = stop there.
  double precision = 0.0;
  std::uint64_t seed = 1;
};

/// What the trial's owner may do around an epoch, outside the clock.
struct EpochHooks {
  std::function<void(std::size_t round)> begin_round;
  /// After the contender's calibration. Returns false to throw it out.
  std::function<bool(std::size_t contender)> calibrated;
  /// After the untimed warm-up call, just before the clock starts.
  std::function<void(std::size_t contender, std::size_t round)> before;
  /// Returns false to throw the contender out (its output was wrong).
  std::function<bool(std::size_t contender, std::size_t round)> after;
};

struct ContenderRecord {
  std::string name;
  std::uint64_t iterations = 1;    // per epoch
  double first_estimate_ns = 0.0;  // per iteration, from calibration
  std::vector<Sample> samples;     // one a round
  std::vector<Sample> baseline;    // the baseline's in the same rounds (empty for the baseline)
  PairResult result;
  bool thrown_out = false;
  /// Epochs in which the kernel saw more time go by than the ticks say (with room: 15 % and 10 us):
  /// somebody turns the counter.
  std::size_t clock_conflicts = 0;
};

struct TrialRecord {
  std::vector<ContenderRecord> contenders;
  std::size_t rounds = 0;
  double seconds = 0.0;
};

/// One timed epoch, per iteration. Takes both clocks around run(iterations). *conflict: see
/// ContenderRecord.
Sample time_epoch(const Contender& contender, std::uint64_t iterations, bool* conflict = nullptr);

/// Iterations that fill epoch_ns, at least 1; *estimate_ns: nanoseconds per iteration. Doubles
/// until an epoch is half full: about three epochs' time, or three calls of a long operation.
std::uint64_t calibrate(const Contender& contender, double epoch_ns, double* estimate_ns);

/// Runs the trial. Contenders must outlive it. Deterministic but for time, given options.seed.
TrialRecord run_trial(const std::vector<Contender>& contenders, const TrialOptions& options,
                      const EpochHooks& hooks = {});

/// The isolated mode: blocks of many epochs of one contender at a time, baseline and contender in
/// turn, in random order. Fixed number of block pairs, exact sign interval on their medians. Shows
/// what interleaving hides (state kept between calls) at the price of drift.
PairResult run_isolated(const Contender& baseline, const Contender& contender,
                        const TrialOptions& options, int block_pairs = 8);

}  // namespace aisp::bench
