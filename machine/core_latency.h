// How long a line takes from core to core: two pinned threads write one word in turns, and half of
// a round trip is what a lock, a queue or a barrier pays at least for each hand-over.
// Source: N. Viennot, core-to-core-latency (MIT, 2022), whose method this is: one line, compare and
// write in turns, median of batches.
#pragma once

#include <vector>

#include "machine/costs.h"

namespace aisp::machine {

class CoreLatencies {
 public:
  /// Every pair of `cores`, or of 64 of them spread evenly where there are more.
  explicit CoreLatencies(std::vector<int> cores);

  /// Measures every pair for its share of `seconds`, at least a few bursts, and adds to what
  /// earlier calls found. The caller's affinity is restored. False when threads cannot be pinned.
  bool sample(double seconds);
  /// One entry for each pair, in order. REQUIRES: sample() returned true.
  std::vector<CorePair> result() const;

  std::size_t pairs() const { return bursts_.size(); }

 private:
  std::vector<int> cores_;
  std::vector<std::vector<double>> bursts_;  // ns, for each pair
};

/// The nearest, the middle and the farthest of the pairs as costs; one row where all are one pair.
std::vector<Cost> summarize(std::vector<CorePair> pairs, int usable_cores);

}  // namespace aisp::machine
