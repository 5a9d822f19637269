// Exact intervals that the instrument rests on. No normal approximations: short, skewed and
// contaminated samples are the normal case on shared machines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace aisp {

/// A point with its interval. Unit: the caller's.
struct Interval {
  double estimate = 0.0;
  double low = 0.0;
  double high = 0.0;
  double width() const { return high - low; }
  bool contains(double value) const { return low <= value && value <= high; }
};

/// Clopper-Pearson bounds of a rate from `successes` in `trials`, two-sided at `level`
/// (0.95 gives 2.5 % on each side). trials == 0 gives [0, 1].
/// Source: Clopper and Pearson, Biometrika 26 (1934).
Interval clopper_pearson(std::int64_t successes, std::int64_t trials, double level = 0.95);

/// Order-statistic interval of the median at a FIXED sample size; distribution-free.
/// Fewer than 6 samples cannot give 95 %: the range is returned. Copies and sorts: O(n log n).
Interval median_interval(std::span<const double> samples, double level = 0.95);

/// Anytime-valid interval of the median: it may be looked at after every sample, and stopping on
/// what it shows keeps the level.
///
/// For a candidate median m the signs of (x_i - m) are fair coin flips given the past. The
/// beta-binomial mixture likelihood ratio M_n = 2^n B(k + a, n - k + a) / B(a, a), k = #{x_i > m},
/// is a nonnegative martingale with start 1, so P(any n: M_n >= 1/alpha) <= alpha (Ville). The
/// interval holds every m not rejected, which is a range of order statistics.
/// Sources: Ville (1939); Robbins (1970); Howard and Ramdas, Bernoulli 28 (2022).
///
/// The interval is widened to contain ties. Below the least n that can exclude anything
/// (about 9 for level 0.95) it is [-inf, +inf].
Interval anytime_median_interval(std::span<const double> samples, double level = 0.95);

/// The least k such that order statistics [k, n-1-k] (0-based) hold the median at `level`,
/// anytime-valid; returns SIZE_MAX when n is too small to exclude anything.
std::size_t anytime_order_index(std::size_t n, double level);

/// Median of a copy; NaN when empty. Even sizes: mean of the middle two.
double median(std::span<const double> samples);

/// Quantile q in [0, 1] of a copy, linear between order statistics; NaN when empty.
double quantile(std::span<const double> samples, double q);

}  // namespace aisp
