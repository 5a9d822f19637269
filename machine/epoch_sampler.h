// Rates of one loop from many short epochs. An epoch of a millisecond is long against a clock
// reading and the skew of a common start (1 us), short against a time slice (3 ms): on a busy
// machine enough of them stay whole, and those in which another program had the core are known by
// their CPU time.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "base/interval.h"

namespace aisp::machine {

struct Epoch {
  double seconds = 0.0;
  double work = 0.0;         // operations or bytes, all threads together
  bool interrupted = false;  // another program had a core
};

/// Does about `amount` of work per thread (operations or bytes; at least one unit of the loop).
using EpochLoop = std::function<Epoch(double amount)>;

class EpochSampler {
 public:
  struct Result {
    Interval rate;      // median, 1e9 per second, with its 95 % order-statistic interval
    double best = 0.0;  // second fastest: one epoch that a clock glitch made short sets no bound
  };

  /// Ways to do the same work; the quickest in a short calibration is sampled.
  void add_candidate(EpochLoop loop) { candidates_.push_back(std::move(loop)); }
  bool empty() const { return candidates_.empty(); }

  /// Epochs of about `epoch_seconds` for about `seconds`: at least three whole ones, if they can be
  /// had within three times that. The first call calibrates. REQUIRES: a candidate.
  void sample(double seconds, double epoch_seconds);

  std::size_t epochs() const { return whole_.size() + interrupted_.size(); }
  std::size_t interrupted() const { return interrupted_.size(); }

  /// Over the whole epochs where there are enough for an interval, else over all. Selecting by CPU
  /// time against wall time does not look at the rate. REQUIRES: sample().
  Result result() const;

 private:
  void calibrate(double epoch_seconds);

  std::vector<EpochLoop> candidates_;
  EpochLoop chosen_;
  double amount_ = 0.0;                      // per thread and epoch
  std::vector<double> whole_, interrupted_;  // 1e9 per second
};

}  // namespace aisp::machine
