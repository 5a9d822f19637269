// Intervals of shares and percentiles of requests that are not independent, because they share a
// queue. One mechanism for both: the interval of a share, with the number of trials that the
// observed variance between spans of time allows. Pure functions.
// Source: Korn and Graubard (1998): Clopper-Pearson at the effective sample size; Woodruff (1952):
// the interval of a quantile is that of the share below it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/interval.h"

namespace aisp::load {

/// Something seen at a time: a latency, or 0 and 1.
struct Seen {
  double at_s = 0.0;
  double value = 0.0;
};

/// How many independent trials tell as much about the share of `hits` as these n do; at most n.
/// `seen` by time. Spans of equal time: 10, 20 and 40 of them; the least answer counts.
double effective_trials(std::span<const double> at_s, std::span<const char> hits);

/// Share of hits with its interval; an empty one gives [0, 1].
Interval share_interval(std::span<const double> at_s, std::span<const char> hits, double level);

/// The q-quantile and its interval: a range of order statistics. An end that n cannot give is
/// infinite; fewer than 10 values have no interval. `seen` in any order.
Interval quantile_interval(std::span<const Seen> seen, double q, double level);

/// A distribution as tables show it.
struct Percentiles {
  std::int64_t count = 0;
  Interval p50, p90, p99;
  double mean = 0.0, worst = 0.0;
};
Percentiles percentiles_of(std::span<const Seen> seen, double level);

/// True unless the medians of the first and the last third of the time have disjoint intervals,
/// more than a tenth apart.
bool is_steady(std::span<const Seen> seen, double level);

}  // namespace aisp::load
