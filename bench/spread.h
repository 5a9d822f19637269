// Is a ratio worse than what was recorded? The statistics that the gate and the update of
// expectations share. Observations are log-ratios of whole runs; what varies between runs (pages,
// neighbours, days) is the error that matters, far larger than that within a run.
// Source: prediction interval of a new observation (Student 1908); variances shrunk towards a
// common prior as in Smyth, Stat. Appl. Genet. Mol. Biol. 3 (2004).
#pragma once

#include <span>

#include "base/interval.h"

namespace aisp::bench {

/// Prior of the standard deviation between runs, in log-ratio, and how many observations it is
/// worth. A row whose own intervals are wider than that has a wider prior: half of their median
/// half-width. See docs/GATE.md for the recorded sessions these come from.
struct SpreadPrior {
  double deviation = 0.005;
  double weight = 4.0;
};

struct Spread {
  double centre = 0.0;     // median of the recorded log-ratios
  double deviation = 0.0;  // between runs, shrunk
  double freedom = 0.0;    // degrees of freedom of `deviation`
  std::size_t runs = 0;
};

/// From the recorded ratios of at least one run, with their intervals.
Spread spread_of(std::span<const Interval> ratios, const SpreadPrior& prior = {});

/// P(the mean of `count` new runs >= `mean`) if nothing changed: one-sided, against a ratio that
/// became larger (slower).
double p_slower(const Spread& spread, double mean, std::size_t count);
/// The same against one that became smaller.
double p_quicker(const Spread& spread, double mean, std::size_t count);

/// The least step (as a ratio, such as 1.03) that the mean of `count` new runs shows at one-sided
/// level `p` nine times in ten.
double visible_step(const Spread& spread, std::size_t count, double p);

}  // namespace aisp::bench
