// See statistics.h.
#include "load/statistics.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>

namespace aisp::load {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kLeastTrials = 10;
constexpr int kSpans[] = {10, 20, 40};

// n over the ratio of the share's variance between spans to a binomial's, and over what is not
// known of that variance.
double effective_by_spans(std::span<const double> at_s, std::span<const char> hits, int spans) {
  const auto n = static_cast<double>(at_s.size());
  const double begin_s = at_s.front(), length_s = at_s.back() - begin_s;
  std::vector<double> trials(static_cast<std::size_t>(spans)), good(trials.size());
  for (std::size_t i = 0; i < at_s.size(); ++i) {
    const double place = length_s > 0.0 ? (at_s[i] - begin_s) / length_s : 0.0;
    const auto span = std::min(static_cast<std::size_t>(place * spans), trials.size() - 1);
    trials[span] += 1.0;
    good[span] += hits[i];
  }
  double share = 0.0, squares = 0.0;
  for (const double count : good) share += count / n;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    squares += std::pow(good[i] - share * trials[i], 2.0);
  }
  const double variance = squares * spans / (spans - 1.0) / (n * n);
  const double binomial = share * (1.0 - share) / n;
  const double design = binomial > 0.0 ? std::max(1.0, variance / binomial) : 1.0;
  const boost::math::students_t_distribution<> student(spans - 1.0);
  const double widening = boost::math::quantile(student, 0.975) / 1.96;
  return n / design / (widening * widening);
}

}  // namespace

double effective_trials(std::span<const double> at_s, std::span<const char> hits) {
  double least = static_cast<double>(at_s.size());
  for (const int spans : kSpans) {
    // A span needs requests to have a share: five of them on average.
    if (at_s.size() < static_cast<std::size_t>(5 * spans)) continue;
    least = std::min(least, effective_by_spans(at_s, hits, spans));
  }
  return std::max(1.0, least);
}

Interval share_interval(std::span<const double> at_s, std::span<const char> hits, double level) {
  if (at_s.empty()) return {0.0, 0.0, 1.0};
  double good = 0.0;
  for (const char hit : hits) good += hit;
  const double share = good / static_cast<double>(at_s.size());
  const double trials = std::floor(effective_trials(at_s, hits));
  const auto successes = static_cast<std::int64_t>(std::round(share * trials));
  const auto count = static_cast<std::int64_t>(trials);
  Interval interval = clopper_pearson(successes, count, level);
  interval.estimate = share;
  interval.low = std::min(interval.low, share);  // rounding
  interval.high = std::max(interval.high, share);
  return interval;
}

Interval quantile_interval(std::span<const Seen> seen, double q, double level) {
  const std::size_t n = seen.size();
  std::vector<double> values;
  for (const Seen& one : seen) values.push_back(one.value);
  Interval interval{quantile(values, q), -kInfinity, kInfinity};
  if (n < kLeastTrials) return interval;
  std::vector<Seen> by_time(seen.begin(), seen.end());
  std::ranges::sort(by_time, {}, &Seen::at_s);
  std::vector<double> at_s;
  std::vector<char> below;
  for (const Seen& one : by_time) {
    at_s.push_back(one.at_s);
    below.push_back(one.value <= interval.estimate);
  }
  const double trials = std::floor(effective_trials(at_s, below));
  const boost::math::binomial_distribution<> binomial(trials, q);
  const double tail = (1.0 - level) / 2.0;
  // Rank k of `trials` stands for rank k * n / trials of n; its value is below the quantile with
  // probability P(X >= k), above it with P(X <= k - 1).
  const auto value_at = [&](double rank, bool up) {
    const double place = (rank - 0.5) / trials * static_cast<double>(n) + 0.5;
    const double index =
        std::clamp(up ? std::ceil(place) : std::floor(place), 1.0, static_cast<double>(n));
    return values[static_cast<std::size_t>(index) - 1];
  };
  std::ranges::sort(values);
  double low = 0.0, high = trials + 1.0;  // ranks: the greatest and the least that will do
  for (double step = std::exp2(std::floor(std::log2(trials))); step >= 1.0; step /= 2.0) {
    const auto below_of = [&](double rank) {
      return boost::math::cdf(binomial, std::min(rank, trials));
    };
    if (low + step <= trials && below_of(low + step - 1.0) <= tail) low += step;
    if (high - step >= 1.0 && below_of(high - step - 1.0) >= 1.0 - tail) high -= step;
  }
  if (low >= 1.0) interval.low = value_at(low, false);
  if (high <= trials) interval.high = value_at(high, true);
  return interval;
}

Percentiles percentiles_of(std::span<const Seen> seen, double level) {
  Percentiles result{.count = static_cast<std::int64_t>(seen.size())};
  result.p50 = quantile_interval(seen, 0.50, level);
  result.p90 = quantile_interval(seen, 0.90, level);
  result.p99 = quantile_interval(seen, 0.99, level);
  for (const Seen& one : seen) {
    result.mean += one.value / static_cast<double>(seen.size());
    result.worst = std::max(result.worst, one.value);
  }
  return result;
}

bool is_steady(std::span<const Seen> seen, double level) {
  if (seen.size() < 3 * kLeastTrials) return true;  // nothing can be said
  const auto [first, last] = std::ranges::minmax(seen, {}, &Seen::at_s);
  const double third_s = (last.at_s - first.at_s) / 3.0;
  std::vector<Seen> begin, end;
  for (const Seen& one : seen) {
    if (one.at_s < first.at_s + third_s) begin.push_back(one);
    if (one.at_s > last.at_s - third_s) end.push_back(one);
  }
  const Interval before = quantile_interval(begin, 0.5, level);
  const Interval after = quantile_interval(end, 0.5, level);
  constexpr double kApart = 1.1;
  return before.low <= after.high * kApart && after.low <= before.high * kApart;
}

}  // namespace aisp::load
