// Measures the ceilings. Every entry is a job: one loop, on one thread or on all, cut into epochs
// of about a millisecond. All jobs take turns in a few rounds over the whole time, so that a burst
// of other work spoils a part of every job and the median of none. The interval is that of the
// order statistics of the epochs, which takes them for independent; the rounds make that nearly
// true.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>

#include "machine/ceiling_kernels.h"
#include "machine/ceiling_loops.h"
#include "machine/ceilings.h"
#include "machine/crew.h"
#include "machine/environment.h"
#include "machine/epoch_sampler.h"

namespace aisp::machine {
namespace {

using Clock = std::chrono::steady_clock;

// Short budgets take shorter epochs, to have some dozens in every entry's share.
constexpr double kLongestEpochSeconds = 1e-3, kShortestEpochSeconds = 0.3e-3;
constexpr double kEpochsPerEntry = 60.0;
constexpr int kRounds = 3;
constexpr double kLeastEntrySeconds = 0.020;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Job {
  std::string label;
  EpochSampler sampler;
  std::function<void(const Interval&, double best)> store;
};

EpochLoop compute_loop(Crew& crew, int threads, ComputeKernel kernel) {
  return [&crew, threads, kernel](double amount) {
    const auto iterations = static_cast<std::int64_t>(
        std::max(1.0, std::ceil(amount / kernel.operations_per_iteration)));
    const Crew::Time time = crew.timed(threads, [&](int) { kernel.run(iterations); });
    const double work = kernel.operations_per_iteration * static_cast<double>(iterations) * threads;
    return Epoch{time.seconds, work, time.interrupted};
  };
}

class Measurement {
 public:
  Measurement(const Cpu& cpu, const CeilingOptions& options)
      : cpu_(cpu), options_(options), crew_(cpu), start_(Clock::now()) {
    result_.hardware_key = hardware_key(cpu);
    result_.load1 = read_system_load().load1;
  }

  Ceilings run() {
    add_clock();
    for (const int threads : thread_counts()) add_compute(threads);
    prepare_buffers();
    for (const int threads : thread_counts()) add_bandwidth(threads);
    const double epoch_seconds =
        std::clamp(options_.seconds / static_cast<double>(jobs_.size()) / kEpochsPerEntry,
                   kShortestEpochSeconds, kLongestEpochSeconds);
    for (int round = 0; round < kRounds; ++round) {
      for (std::size_t i = 0; i < jobs_.size(); ++i) {
        const std::size_t done = static_cast<std::size_t>(round) * jobs_.size() + i;
        const std::size_t all = kRounds * jobs_.size();
        report(static_cast<double>(done) / static_cast<double>(all), jobs_[i].label);
        const double left = options_.seconds - seconds_since(start_);
        jobs_[i].sampler.sample(
            std::max(kLeastEntrySeconds / kRounds, left / static_cast<double>(all - done)),
            epoch_seconds);
      }
    }
    std::size_t interrupted = 0, epochs = 0;
    for (Job& job : jobs_) {
      interrupted += job.sampler.interrupted();
      epochs += job.sampler.epochs();
      const EpochSampler::Result found = job.sampler.result();
      job.store(found.rate, found.best);
    }
    result_.interrupted_share = static_cast<double>(interrupted) / static_cast<double>(epochs);
    report(1.0, "done");
    return std::move(result_);
  }

 private:
  std::vector<int> thread_counts() const {
    return crew_.size() == 1 ? std::vector<int>{1} : std::vector<int>{1, crew_.size()};
  }

  void report(double fraction, const std::string& now) const {
    if (options_.progress != nullptr) options_.progress(fraction, now);
  }

  void add_clock() {
    if (clock_kernel() == nullptr) return;
    Job job;
    job.label = "clock";
    job.sampler.add_candidate(
        compute_loop(crew_, 1, {"clock", DType::kI64, kClockCyclesPerIteration, clock_kernel()}));
    job.store = [this](const Interval& interval, double) { result_.clock_ghz = interval; };
    jobs_.push_back(std::move(job));
  }

  void add_compute(int threads) {
    std::vector<std::pair<std::string, DType>> seen;
    for (const ComputeKernel& kernel : compute_kernels(cpu_)) {
      const std::pair<std::string, DType> identity{kernel.isa, kernel.dtype};
      const auto found = std::find(seen.begin(), seen.end(), identity);
      if (found != seen.end()) {
        const auto index = jobs_.size() - static_cast<std::size_t>(seen.end() - found);
        jobs_[index].sampler.add_candidate(compute_loop(crew_, threads, kernel));
        continue;
      }
      seen.push_back(identity);
      Job job;
      job.label = fmt::format("{} {}, {} thread{}", kernel.isa, name(kernel.dtype), threads,
                              threads == 1 ? "" : "s");
      job.sampler.add_candidate(compute_loop(crew_, threads, kernel));
      job.store = [this, identity, threads](const Interval& interval, double best) {
        result_.compute.push_back({identity.first, identity.second, threads, interval, best});
      };
      jobs_.push_back(std::move(job));
    }
  }

  void prepare_buffers() {
    const std::size_t limit = memory_limit_bytes(cpu_);
    dram_one_ = dram_bytes(cpu_, 1, limit);
    const auto workers = static_cast<std::size_t>(crew_.size());
    dram_all_ =
        dram_bytes(cpu_, crew_.size(), limit) / workers / kStreamAlign * kStreamAlign * workers;
    for (std::size_t worker = 0; worker < workers; ++worker) {
      std::size_t bytes = std::max(dram_all_ / workers, worker == 0 ? dram_one_ : 0);
      for (std::size_t i = 0; i < cpu_.data_caches.size(); ++i) {
        bytes = std::max({bytes, cache_share_bytes(cpu_, i, crew_.size()),
                          worker == 0 ? cache_share_bytes(cpu_, i, 1) : 0});
      }
      buffers_.emplace_back(std::max(bytes, kStreamAlign * 2));
    }
    report(0.0, "memory");
    crew_.run(crew_.size(), [&](int worker) { buffers_[static_cast<std::size_t>(worker)].fill(); });
  }

  void add_bandwidth(int threads) {
    for (std::size_t i = 0; i < cpu_.data_caches.size(); ++i) {
      add_level(cpu_.data_caches[i].level, threads, cache_share_bytes(cpu_, i, threads));
    }
    const std::size_t bytes =
        threads == 1 ? dram_one_ : dram_all_ / static_cast<std::size_t>(threads);
    if (bytes > 0) add_level(0, threads, bytes);
  }

  void add_level(int level, int threads, std::size_t bytes_each) {
    for (const char* kind : {"read", "write", "copy", "update", "write_nt", "copy_nt"}) {
      // Non-temporal stores go past every cache: only memory can be their level.
      if (level != 0 && std::string_view(kind).ends_with("_nt")) continue;
      Job job;
      job.label = fmt::format("{} {}, {} thread{}", level == 0 ? "DRAM" : fmt::format("L{}", level),
                              kind, threads, threads == 1 ? "" : "s");
      for (const StreamKernel& kernel : stream_kernels(cpu_)) {
        if (std::string_view(kernel.kind) != kind) continue;
        job.sampler.add_candidate(stream_loop(crew_, buffers_, threads, kernel, bytes_each));
      }
      if (job.sampler.empty()) continue;
      const std::size_t total = bytes_each * static_cast<std::size_t>(threads);
      job.store = [this, level, kind, threads, total](const Interval& interval, double best) {
        result_.bandwidth.push_back({level, kind, threads, total, interval, best});
      };
      jobs_.push_back(std::move(job));
    }
  }

  const Cpu& cpu_;
  const CeilingOptions& options_;
  Crew crew_;
  Clock::time_point start_;
  std::vector<PageBuffer> buffers_;
  std::size_t dram_one_ = 0, dram_all_ = 0;
  std::vector<Job> jobs_;
  Ceilings result_;
};

}  // namespace

Ceilings measure_ceilings(const Cpu& cpu, const CeilingOptions& options) {
  return Measurement(cpu, options).run();
}

}  // namespace aisp::machine
