// See drift.h.
#include "model/drift.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/interval.h"
#include "model/perplexity.h"

namespace aisp::model {
namespace {

double mean_of(std::span<const float> values) {
  double sum = 0.0;
  for (const float value : values) sum += static_cast<double>(value);
  return sum / static_cast<double>(values.size());
}

}  // namespace

PositionDrift compare_logits(std::span<const float> a, std::span<const float> b,
                             std::int32_t next) {
  check(a.size() == b.size() && !a.empty(), "logits of one vocabulary");
  PositionDrift out;
  const double sum_a = log_sum_exp(a), sum_b = log_sum_exp(b);
  const double mean_a = mean_of(a), mean_b = mean_of(b);
  const auto p = [&](std::size_t i) { return std::exp(static_cast<double>(a[i]) - sum_a); };
  const auto q = [&](std::size_t i) { return std::exp(static_cast<double>(b[i]) - sum_b); };
  double error = 0.0, spread = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    // A token that the judge holds impossible (a logit of -infinity) adds nothing.
    const double share = p(i);
    if (share != 0.0) out.kl += share * ((x - sum_a) - (y - sum_b));
    const double d = (y - mean_b) - (x - mean_a);
    error += d * d;
    spread += (x - mean_a) * (x - mean_a);
  }
  if (std::isnan(out.kl)) out.kl = std::numeric_limits<double>::infinity();
  out.kl = std::max(out.kl, 0.0);  // equal distributions may give -1e-17
  const auto count = static_cast<double>(a.size());
  out.logit_error = std::sqrt(error / count);
  out.logit_spread = std::sqrt(spread / count);
  const auto top_a = static_cast<std::size_t>(std::ranges::max_element(a) - a.begin());
  const auto top_b = static_cast<std::size_t>(std::ranges::max_element(b) - b.begin());
  out.top_a = static_cast<std::int32_t>(top_a);
  out.top_b = static_cast<std::int32_t>(top_b);
  out.p_top_a = p(top_a);
  out.q_top_a = q(top_a);
  out.q_top_b = q(top_b);
  out.next_change =
      next < 0 ? NAN : q(static_cast<std::size_t>(next)) - p(static_cast<std::size_t>(next));
  return out;
}

Drift summarize(std::span<const PositionDrift> positions) {
  check(!positions.empty(), "at least one position");
  Drift drift;
  drift.positions = static_cast<std::int64_t>(positions.size());
  std::vector<double> kl;
  double square_kl = 0.0, change = 0.0, error = 0.0, spread = 0.0, same = 0.0, known = 0.0;
  for (const PositionDrift& one : positions) {
    kl.push_back(one.kl);
    drift.mean_kl += one.kl;
    square_kl += one.kl * one.kl;
    same += one.top_a == one.top_b ? 1.0 : 0.0;
    error += one.logit_error * one.logit_error;
    spread += one.logit_spread * one.logit_spread;
    if (std::isnan(one.next_change)) continue;
    known += 1.0;
    change += one.next_change * one.next_change;
  }
  const auto n = static_cast<double>(positions.size());
  drift.mean_kl /= n;
  drift.mean_kl_error =
      n < 2.0 ? NAN
              : std::sqrt(std::max(0.0, square_kl / n - drift.mean_kl * drift.mean_kl) / (n - 1.0));
  drift.kl_median = median(kl);
  drift.kl_99 = quantile(kl, 0.99);
  drift.kl_max = *std::ranges::max_element(kl);
  drift.top_1 = same / n;
  drift.next_change_rms = known > 0.0 ? std::sqrt(change / known) : NAN;
  drift.logit_error = std::sqrt(error / n);
  drift.relative_logit_error = std::sqrt(error / spread);
  return drift;
}

DriftBounds::DriftBounds() : mean_kl(NAN), kl_99(NAN), top_1(NAN) {}

std::vector<std::string> beyond(const Drift& drift, const DriftBounds& bounds) {
  std::vector<std::string> what;
  // Written so that a figure that is NaN is beyond every bound.
  const auto at_most = [&](const char* name, double value, double bound) {
    if (std::isnan(bound) || value <= bound) return;
    what.push_back(fmt::format("{} {:.4g} is above {:.4g}", name, value, bound));
  };
  at_most("mean KL", drift.mean_kl, bounds.mean_kl);
  at_most("99 % KL", drift.kl_99, bounds.kl_99);
  if (!std::isnan(bounds.top_1) && !(drift.top_1 >= bounds.top_1)) {
    what.push_back(
        fmt::format("top-1 agreement {:.4g} is below {:.4g}", drift.top_1, bounds.top_1));
  }
  return what;
}

}  // namespace aisp::model
