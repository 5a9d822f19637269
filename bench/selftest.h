// The instrument measured by itself: streams of known ratio through the same trial that judges
// labs, counted. What it claims (false alarms, power, coverage, time to verdict) it must show here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/interval.h"
#include "bench/lab.h"

namespace aisp::bench {

struct SelftestOptions {
  Device device = Device::kCpu;
  double seconds = 55.0;    // budget when trials == 0
  std::int64_t trials = 0;  // per row; 0: as many as the budget allows
  int load = 0;             // busy background processes, half computing, half streaming memory
  std::uint64_t seed = 1;
  std::function<void(double fraction)> progress;
};

/// One workload with one planted effect.
struct SelftestRow {
  std::string workload;  // "compute 3 us", "memory 36 us", "spin 20 us"
  double effect = 0.0;   // planted: 0, 0.01 or 0.03
  double margin = 0.0;
  std::int64_t trials = 0;
  std::int64_t alarms = 0;  // verdict faster or slower
  std::int64_t right = 0;  // the planted verdict: the right direction, or no alarm when effect is 0
  std::int64_t covered = 0;  // interval holds the true ratio
  std::int64_t inconclusive = 0;
  std::int64_t cpu_clock = 0;  // trials decided on the CPU clock (a GPU's: always on its own)
  double truth = 1.0;          // time with the effect over time without
  double ratio_median = 1.0;   // of the estimates, the same way round
  double width_median = 0.0;   // of the interval, relative
  double seconds_median = 0.0;
  std::vector<double> ratios, widths, seconds;
};

struct SelftestResult {
  std::vector<SelftestRow> rows;
  int load = 0;
  // On the CPU:
  double loop_overhead_ns = 0.0;  // per iteration of an empty body
  double setup_bias_ns = 0.0;     // of a call timed alone, with before_each, against its loop time
  double seconds = 0.0;
};

/// Throws Error if there is no such device or the background load cannot be started. Ends its own
/// load processes.
SelftestResult run_selftest(const SelftestOptions& options);

/// Loop overhead of an empty body, in nanoseconds per iteration: median of 200 epochs.
double measure_loop_overhead_ns();

/// |time of one call measured alone with before_each - its time in the loop|, median, nanoseconds.
double measure_setup_bias_ns();

}  // namespace aisp::bench
