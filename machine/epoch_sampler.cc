// Rates from short epochs. See epoch_sampler.h.
#include "machine/epoch_sampler.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace aisp::machine {
namespace {

using Clock = std::chrono::steady_clock;

// Of a candidate: long against the two clock readings (50 ns), short against an entry's share.
constexpr double kCalibrationSeconds = 0.15e-3;
constexpr int kCalibrationEpochs = 5;
constexpr int kTriesOfAnAmount = 3;
constexpr int kLeastWhole = 3;                // in a call of sample()
constexpr double kPatience = 3.0;             // times its share, on a busy machine
constexpr std::size_t kLeastForInterval = 6;  // fewer cannot give the median a 95 % interval

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The amount that takes about `seconds`, from runs that grow until they are long enough. One that
// is long because another program had the core would give an amount that is all overhead: the
// shortest of a few decides.
double amount_for(const EpochLoop& loop, double seconds) {
  double amount = 1e4;
  for (int steps = 0; steps < 60; ++steps) {
    Epoch epoch = loop(amount);
    for (int again = 1; again < kTriesOfAnAmount && epoch.seconds >= seconds; ++again) {
      const Epoch other = loop(amount);
      if (other.seconds < epoch.seconds) epoch = other;
    }
    if (epoch.seconds >= seconds) return amount * seconds / epoch.seconds;
    const double factor = epoch.seconds > 0 ? 1.2 * seconds / epoch.seconds : 8.0;
    amount *= std::clamp(factor, 2.0, 8.0);
  }
  return amount;
}

}  // namespace

// By the best short epoch: whatever disturbs only adds time.
void EpochSampler::calibrate(double epoch_seconds) {
  check(!candidates_.empty(), "EpochSampler needs a candidate");
  double best_rate = 0.0;
  for (const EpochLoop& candidate : candidates_) {
    const double amount = amount_for(candidate, kCalibrationSeconds);
    for (int i = 0; i < kCalibrationEpochs; ++i) {
      const Epoch epoch = candidate(amount);
      if (epoch.seconds <= 0 || epoch.work / epoch.seconds <= best_rate) continue;
      best_rate = epoch.work / epoch.seconds;
      chosen_ = candidate;
      amount_ = amount * epoch_seconds / epoch.seconds;
    }
  }
  check(static_cast<bool>(chosen_), "EpochSampler: no candidate takes any time");
}

void EpochSampler::sample(double seconds, double epoch_seconds) {
  const auto start = Clock::now();
  if (!chosen_) calibrate(epoch_seconds);
  chosen_(amount_);  // warms caches and clocks up, is not counted
  int whole = 0;
  double elapsed = 0.0;
  while (elapsed < seconds || (whole < kLeastWhole && elapsed < kPatience * seconds) ||
         epochs() == 0) {
    const Epoch epoch = chosen_(amount_);
    elapsed = seconds_since(start);
    if (epoch.seconds <= 0) continue;
    (epoch.interrupted ? interrupted_ : whole_).push_back(epoch.work / epoch.seconds / 1e9);
    if (!epoch.interrupted) ++whole;
  }
}

EpochSampler::Result EpochSampler::result() const {
  std::vector<double> rates = whole_;
  if (rates.size() < kLeastForInterval) {
    rates.insert(rates.end(), interrupted_.begin(), interrupted_.end());
  }
  check(!rates.empty(), "EpochSampler: result before sample");
  std::sort(rates.begin(), rates.end());
  return {median_interval(rates), rates[rates.size() >= 2 ? rates.size() - 2 : 0]};
}

}  // namespace aisp::machine
