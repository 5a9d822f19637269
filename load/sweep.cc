// See sweep.h.
#include "load/sweep.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace aisp::load {

const char* name_of(Sweep::Verdict verdict) {
  switch (verdict) {
    case Sweep::Verdict::kMet:
      return "met";
    case Sweep::Verdict::kMissed:
      return "missed";
    case Sweep::Verdict::kUndecided:
      return "undecided";
  }
  return "";
}

std::optional<double> Sweep::met() const {
  std::optional<double> highest;
  for (const Step& step : steps_) {
    if (step.verdict == Verdict::kMet) highest = std::max(highest.value_or(0.0), step.rate);
  }
  return highest;
}

std::optional<double> Sweep::missed() const {
  std::optional<double> lowest;
  for (const Step& step : steps_) {
    if (step.verdict == Verdict::kMissed) lowest = std::min(lowest.value_or(1e18), step.rate);
  }
  return lowest;
}

bool Sweep::repeat() const {
  return !steps_.empty() && steps_.back().verdict == Verdict::kUndecided &&
         steps_.back().repeats < rules_.most_repeats;
}

// Rates that stayed undecided lie at the capacity, as far as this can be seen: the search goes on
// below them.
std::optional<double> Sweep::not_met() const {
  std::optional<double> lowest = missed();
  for (const Step& step : steps_) {
    if (step.verdict == Verdict::kUndecided) lowest = std::min(lowest.value_or(1e18), step.rate);
  }
  return lowest;
}

// Every look at every rate may err: each gets its part of the whole.
double Sweep::level_of_a_look() const {
  return 1.0 - (1.0 - rules_.level) / (rules_.most_steps * rules_.most_repeats);
}

std::optional<std::size_t> Sweep::too_few() const {
  if (next() || met() || steps_.empty() || !steps_.back().too_few) return {};
  return steps_.back().at_s.size();
}

int Sweep::least_requests() const {
  const auto enough = [&](int count) {
    std::vector<double> at_s(static_cast<std::size_t>(count));
    std::ranges::generate(at_s, [next = 0.0]() mutable { return next++; });
    const std::vector<char> all(at_s.size(), 1);
    return share_interval(at_s, all, level_of_a_look()).low >= rules_.good_share;
  };
  int high = 1;
  while (!enough(high)) high *= 2;
  for (int low = high / 2; high - low > 1;) {
    const int middle = low + (high - low) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

std::optional<double> Sweep::next() const {
  if (repeat()) return steps_.back().rate;
  if (static_cast<int>(steps_.size()) >= rules_.most_steps) return {};
  const auto low = met(), high = not_met();
  if (!low && !high) return rules_.first_rate;
  if (!high) return *low * 2.0;
  if (!low) return steps_.back().too_few ? std::nullopt : std::optional(*high / 2.0);
  if (*high / *low <= rules_.ratio) return {};
  return std::sqrt(*low * *high);
}

void Sweep::add(std::span<const double> at_s, std::span<const char> good) {
  const auto rate = next();
  check(rate.has_value(), "a sweep that is over takes no measurement");
  if (!repeat()) steps_.push_back({.rate = *rate});
  Step& step = steps_.back();
  ++step.repeats;
  for (std::size_t i = 0; i < at_s.size(); ++i) {
    step.at_s.push_back(step.offset_s + at_s[i]);
    step.good.push_back(good[i]);
  }
  if (!step.at_s.empty()) step.offset_s = step.at_s.back();
  const double level = level_of_a_look();
  step.good_share = share_interval(step.at_s, step.good, level);
  if (step.good_share.low >= rules_.good_share) step.verdict = Verdict::kMet;
  if (step.good_share.high < rules_.good_share) step.verdict = Verdict::kMissed;
  const std::vector<char> all(step.good.size(), 1);
  step.too_few = step.verdict == Verdict::kUndecided &&
                 share_interval(step.at_s, all, level).low < rules_.good_share;
}

}  // namespace aisp::load
