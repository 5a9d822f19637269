// Exact and anytime-valid intervals. See interval.h for what each guarantees.
#include "base/interval.h"

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <limits>

namespace aisp {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Shape of the mixture. Long operations get few rounds, so the least n that can exclude anything
// matters: 9 for shape 2, 20 for shape 20. What that costs later is small: the interval's ends lie
// at quantiles 0.5 +- 0.115 instead of 0.110 at n = 200, and 0.039 instead of 0.036 at n = 2000.
constexpr double kMixtureShape = 2.0;

double log_beta(double a, double b) { return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b); }

// log M_n for k of n signs positive.
double log_martingale(std::size_t k, std::size_t n) {
  const double dk = static_cast<double>(k);
  const double dn = static_cast<double>(n);
  return dn * std::log(2.0) + log_beta(dk + kMixtureShape, dn - dk + kMixtureShape) -
         log_beta(kMixtureShape, kMixtureShape);
}

double median_of_sorted(const std::vector<double>& sorted) {
  const std::size_t n = sorted.size();
  if (n == 0) return std::numeric_limits<double>::quiet_NaN();
  return n % 2 == 1 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

std::vector<double> sorted_copy(std::span<const double> samples) {
  std::vector<double> copy(samples.begin(), samples.end());
  std::sort(copy.begin(), copy.end());
  return copy;
}

}  // namespace

Interval clopper_pearson(std::int64_t successes, std::int64_t trials, double level) {
  if (trials <= 0) return {0.0, 0.0, 1.0};
  const double tail = (1.0 - level) / 2.0;
  const double k = static_cast<double>(successes);
  const double n = static_cast<double>(trials);
  Interval result{k / n, 0.0, 1.0};
  if (successes > 0) {
    result.low = boost::math::quantile(boost::math::beta_distribution<>(k, n - k + 1.0), tail);
  }
  if (successes < trials) {
    result.high =
        boost::math::quantile(boost::math::beta_distribution<>(k + 1.0, n - k), 1.0 - tail);
  }
  return result;
}

Interval median_interval(std::span<const double> samples, double level) {
  const auto sorted = sorted_copy(samples);
  const std::size_t n = sorted.size();
  if (n == 0) return {median_of_sorted(sorted), -kInfinity, kInfinity};
  const boost::math::binomial_distribution<> coin(static_cast<double>(n), 0.5);
  // Largest k with P(Bin(n, 1/2) <= k - 1) <= tail: the interval is [x_(k), x_(n-k+1)], 1-based.
  std::size_t k = 0;
  while (k + 1 <= n / 2 && boost::math::cdf(coin, static_cast<double>(k)) <= (1.0 - level) / 2.0) {
    ++k;
  }
  const std::size_t low = k == 0 ? 0 : k - 1;
  return {median_of_sorted(sorted), sorted[low], sorted[n - 1 - low]};
}

std::size_t anytime_order_index(std::size_t n, double level) {
  const double threshold = -std::log(1.0 - level);
  // M_n falls from k = 0 to k = n/2: find the first k that is NOT rejected.
  if (n == 0 || log_martingale(0, n) < threshold) return SIZE_MAX;
  std::size_t rejected = 0, kept = n / 2;
  if (log_martingale(kept, n) >= threshold) return kept;
  while (kept - rejected > 1) {
    const std::size_t middle = (rejected + kept) / 2;
    (log_martingale(middle, n) >= threshold ? rejected : kept) = middle;
  }
  // m below x_(kept) (1-based) has at most kept - 1 samples under it and is rejected.
  return kept - 1;
}

Interval anytime_median_interval(std::span<const double> samples, double level) {
  const auto sorted = sorted_copy(samples);
  const std::size_t n = sorted.size();
  const std::size_t index = anytime_order_index(n, level);
  if (index == SIZE_MAX) return {median_of_sorted(sorted), -kInfinity, kInfinity};
  return {median_of_sorted(sorted), sorted[index], sorted[n - 1 - index]};
}

double median(std::span<const double> samples) { return median_of_sorted(sorted_copy(samples)); }

double quantile(std::span<const double> samples, double q) {
  const auto sorted = sorted_copy(samples);
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace aisp
