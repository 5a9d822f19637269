// `aisp tools occupancy-tuning`: every way to build and launch a device kernel, measured as the
// techniques of a lab, beside what the occupancy API says of each.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "bench/record.h"
#include "tune/tunable.h"

namespace aisp::app {

struct OccupancyOptions {
  std::vector<std::string> kernels;  // names; empty: all
  std::string size = "full";         // or "smoke"
  double budget_s = 60.0;            // for all kernels together
  std::string out;                   // folder of the record; "": artifacts/<time>-<pid>
  bool list = false, json = false;
};

/// A point as it was measured. Times are NaN where it has none: then `verdict` says why.
struct Score {
  std::string point;
  tune::Knobs knobs;
  tune::Occupancy occupancy;
  bool shipped = false;
  double time_ns = 0.0, of_best = 0.0;  // of_best: the best point's time over its own
  Interval speedup;                     // over the shipped point
  double gb_per_s = 0.0, gflop_per_s = 0.0, ceiling_fraction = 0.0;
  std::string verdict;
};

/// From the record of the kernel's lab; the quickest first, then what has no time.
std::vector<Score> scores_of(const tune::Tunable& kernel, const bench::CaseResult& result,
                             const std::vector<tune::Occupancy>& occupancy);

/// The table, and below it the API's most occupied point beside the measured optimum.
std::string render_scores(const tune::Tunable& kernel, const std::vector<Score>& scores);

/// Measures and prints. Without a GPU: the list of kernels with the reason. Throws UsageError for
/// an unknown kernel. Exit code kExitWrong when a point was wrong.
int cmd_occupancy(const OccupancyOptions& options);

void add_occupancy(CLI::App* tools, OccupancyOptions& options, int* code);

}  // namespace aisp::app
