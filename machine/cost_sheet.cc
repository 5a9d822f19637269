// See cost_sheet.h.
#include "machine/cost_sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <utility>

namespace aisp::machine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kLeastJobSeconds = 0.010;
// Where other work takes the time: times the budget, then what has too few epochs goes without.
constexpr double kPatience = 2.0, kLeastPatienceSeconds = 8.0;
constexpr std::size_t kLeastEpochs = 6;  // fewer give a median no 95 % interval
// EpochSampler begins with an amount of 1e4.
constexpr double kFirstAmount = 1e4;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Operations as amounts of the sampler: one of them counts `weight`.
EpochLoop weighted(CountedLoop loop, double weight) {
  return [loop = std::move(loop), weight](double amount) {
    Epoch epoch = loop(std::max<std::int64_t>(1, std::llround(amount / weight)));
    epoch.work *= weight;
    return epoch;
  };
}

}  // namespace

void CostSheet::add_time(CostLabel label, std::int64_t first, CountedLoop loop,
                         double epoch_seconds) {
  const double weight = kFirstAmount / static_cast<double>(first);
  Job job;
  job.scale = weight * (label.unit == "us" ? 1e-3 : 1.0);
  job.label = std::move(label);
  job.epoch_seconds = epoch_seconds;
  job.sampler.add_candidate(weighted(std::move(loop), weight));
  jobs_.push_back(std::move(job));
}

void CostSheet::add_bytes(CostLabel label, std::vector<EpochLoop> loops, double epoch_seconds) {
  Job job;
  job.time = false;
  job.label = std::move(label);
  job.epoch_seconds = epoch_seconds;
  for (EpochLoop& loop : loops) job.sampler.add_candidate(std::move(loop));
  jobs_.push_back(std::move(job));
}

// The sampler takes what a loop was asked for as a measure of its time: a block must count as much
// as the amount that asks for it.
void CostSheet::add_blocks(CostLabel label, double block_bytes, std::int64_t first,
                           CountedLoop loop, double epoch_seconds) {
  add_operations(std::move(label), first, std::move(loop), epoch_seconds);
  jobs_.back().scale *= block_bytes / 1e9;
}

void CostSheet::add_operations(CostLabel label, std::int64_t first, CountedLoop loop,
                               double epoch_seconds) {
  const double weight = kFirstAmount / static_cast<double>(first);
  add_bytes(std::move(label), {weighted(std::move(loop), weight)}, epoch_seconds);
  jobs_.back().scale = 1e9 / weight;
}

void CostSheet::add_missing(std::string name, std::string why) {
  missing_.push_back({std::move(name), std::move(why)});
}

void CostSheet::measure(double seconds, const CostOptions& options,
                        const std::function<void(int)>& between) {
  const auto start = Clock::now();
  const double patience = std::max(kPatience * options.seconds, kLeastPatienceSeconds);
  const std::size_t all = kRounds * jobs_.size();
  for (int round = 0; round < kRounds; ++round) {
    between(round);
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      Job& job = jobs_[i];
      if (!job.failure.empty()) continue;
      const std::size_t done = static_cast<std::size_t>(round) * jobs_.size() + i;
      if (options.progress != nullptr) {
        options.progress(static_cast<double>(done) / static_cast<double>(all), job.label.name);
      }
      const double left = seconds - seconds_since(start);
      const std::size_t wanted = kLeastEpochs * static_cast<std::size_t>(round + 1) / kRounds;
      if (left <= 0.0 && job.sampler.epochs() >= wanted) continue;
      if (seconds_since(start) > patience) continue;
      const double share =
          std::max(kLeastJobSeconds / kRounds, left / static_cast<double>(all - done));
      try {
        do {
          job.sampler.sample(share, std::min(job.epoch_seconds, std::max(share / 6, 0.3e-3)));
        } while (job.sampler.epochs() < wanted && seconds_since(start) < patience);
      } catch (const std::exception& problem) {
        job.failure = problem.what();
      }
    }
  }
  if (options.progress != nullptr) options.progress(1.0, "done");
}

void CostSheet::store(Costs& costs) const {
  for (const Job& job : jobs_) {
    if (!job.failure.empty()) {
      costs.missing.push_back({job.label.name, job.failure});
      continue;
    }
    if (job.sampler.epochs() < kLeastEpochs) {
      costs.missing.push_back(
          {job.label.name, fmt::format("{} epochs in the time there was, {} make "
                                       "an interval: give it more --seconds",
                                       job.sampler.epochs(), kLeastEpochs)});
      continue;
    }
    const EpochSampler::Result found = job.sampler.result();
    const auto value = [&](double rate) { return job.time ? job.scale / rate : job.scale * rate; };
    Interval interval{value(found.rate.estimate), value(found.rate.low), value(found.rate.high)};
    if (job.time) std::swap(interval.low, interval.high);
    costs.costs.push_back(
        {job.label.name, job.label.unit, interval, value(found.best), job.label.detail});
  }
  costs.missing.insert(costs.missing.end(), missing_.begin(), missing_.end());
}

}  // namespace aisp::machine
