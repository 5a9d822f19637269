// The trend of a target over stored runs: one series a technique and case, oldest run first.
#pragma once

#include <string>
#include <vector>

#include "bench/record.h"
#include "bench/select.h"

namespace aisp::bench {

struct HistoryPoint {
  std::string folder, utc, commit, source_hash;
  Outcome outcome = Outcome::kOk;
  Interval ratio;  // time over the baseline's time; only for ok and noisy
  double time_ns = 0.0, ceiling_fraction = 0.0;
};

struct HistorySeries {
  std::string lab, case_name, size, technique;
  std::vector<HistoryPoint> points;
  /// The latest ratio over the first.
  double change() const;
  /// Whether the intervals of those two do not meet.
  bool apart() const;
};

struct History {
  std::string hardware_key;
  std::vector<HistorySeries> series;
  std::size_t runs = 0;              // that hold any of it
  std::size_t elsewhere = 0;         // runs of other machines, left out
  std::vector<std::string> damaged;  // folders that could not be read, with the reason
};

/// Reads every run folder directly below `folder` that is of `hardware_key`, and keeps the rows of
/// `labs`. Runs with checks switched off are left out. Throws Error when there is no such folder.
History read_history(const std::string& folder, const std::vector<KnownLab>& labs,
                     const std::string& hardware_key);

}  // namespace aisp::bench
