// See spread.h.
#include "bench/spread.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <vector>

#include "base/check.h"

namespace aisp::bench {
namespace {

// Standard deviation of (mean of `count` new runs) - (centre of the recorded ones).
double standard_error(const Spread& spread, std::size_t count) {
  return spread.deviation *
         std::sqrt(1.0 / static_cast<double>(count) + 1.0 / static_cast<double>(spread.runs));
}

}  // namespace

Spread spread_of(std::span<const Interval> ratios, const SpreadPrior& prior) {
  check(!ratios.empty(), "a spread needs at least one recorded run");
  std::vector<double> logs, half_widths;
  for (const Interval& ratio : ratios) {
    logs.push_back(std::log(ratio.estimate));
    half_widths.push_back(0.5 * std::log(ratio.high / ratio.low));
  }
  Spread spread;
  spread.runs = logs.size();
  spread.centre = median(logs);
  double mean = 0.0, squares = 0.0;
  for (const double x : logs) mean += x / static_cast<double>(spread.runs);
  for (const double x : logs) squares += (x - mean) * (x - mean);
  spread.freedom = prior.weight + static_cast<double>(spread.runs - 1);
  const double within = std::max(prior.deviation, 0.5 * median(half_widths));
  spread.deviation = std::sqrt((prior.weight * within * within + squares) / spread.freedom);
  return spread;
}

double p_slower(const Spread& spread, double mean, std::size_t count) {
  const boost::math::students_t_distribution<double> t(spread.freedom);
  return cdf(complement(t, (mean - spread.centre) / standard_error(spread, count)));
}

double p_quicker(const Spread& spread, double mean, std::size_t count) {
  const boost::math::students_t_distribution<double> t(spread.freedom);
  return cdf(t, (mean - spread.centre) / standard_error(spread, count));
}

double visible_step(const Spread& spread, std::size_t count, double p) {
  const boost::math::students_t_distribution<double> t(spread.freedom);
  return std::exp((quantile(complement(t, p)) + quantile(t, 0.9)) * standard_error(spread, count));
}

}  // namespace aisp::bench
