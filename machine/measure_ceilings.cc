// Measures the ceilings. Every entry is a job: one loop, on one thread or on all, cut into epochs
// of about a millisecond, short enough that most are not interrupted. All jobs take turns in a few
// rounds over the whole time, so that a burst of other work spoils a part of every job and the
// median of none. The interval is that of the order statistics of the epochs, which takes them for
// independent; the rounds make that nearly true, and the load average at the start is recorded.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>

#include "machine/ceiling_kernels.h"
#include "machine/ceilings.h"
#include "machine/cgroup.h"
#include "machine/crew.h"
#include "machine/environment.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

using Clock = std::chrono::steady_clock;

// Of an epoch: long against a clock reading and the skew of a common start (1 us), short against a
// time slice (3 ms). Short budgets take shorter ones, to have some dozens in every entry's share.
constexpr double kLongestEpochSeconds = 1e-3, kShortestEpochSeconds = 0.3e-3;
constexpr double kEpochsPerEntry = 60.0;
// Of a candidate kernel: long against the two clock readings (50 ns), short against an entry's
// share.
constexpr double kCalibrationSeconds = 0.15e-3;
constexpr int kCalibrationEpochs = 5;
constexpr int kRounds = 3;
constexpr int kLeastEpochs =
    4;  // per round: with 3 rounds the interval of the median is below 98 %
constexpr double kLeastEntrySeconds = 0.020;
// Memory is measured over at least four times the last-level caches: then at most a quarter of a
// cyclic pass could hit, and with any usual replacement nearly nothing does.
constexpr std::size_t kDramOverCache = 4;
constexpr std::size_t kLeastDramBytes = std::size_t{256} << 20;
constexpr std::size_t kMostDramBytes = std::size_t{4} << 30;
constexpr std::size_t kAlign = 4096;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Epoch {
  double seconds = 0.0;
  double work = 0.0;  // operations or bytes, all threads together
};

// One way to do a job's work: `run(amount)` does about `amount` per thread (operations or bytes).
using Candidate = std::function<Epoch(double amount)>;

struct Job {
  std::string label;
  std::vector<Candidate> candidates;
  Candidate chosen;
  double amount = 0.0;        // per thread and epoch
  std::vector<double> rates;  // giga per second
  std::function<void(const Interval&, double best)> store;
};

// The amount that takes about `seconds`, from runs that grow until they are long enough.
double amount_for(const Candidate& run, double seconds) {
  double amount = 1e4;
  for (int doublings = 0; doublings < 60; ++doublings) {
    const Epoch epoch = run(amount);
    if (epoch.seconds >= seconds) return amount * seconds / epoch.seconds;
    const double factor = epoch.seconds > 0 ? 1.2 * seconds / epoch.seconds : 8.0;
    amount *= std::clamp(factor, 2.0, 8.0);
  }
  return amount;
}

// Picks the quickest candidate by its best short epoch, and the amount of a full epoch. The least
// time counts, because whatever disturbs only adds to it.
void calibrate(Job& job, double epoch_seconds) {
  double best_rate = 0.0;
  for (const Candidate& candidate : job.candidates) {
    const double amount = amount_for(candidate, kCalibrationSeconds);
    for (int i = 0; i < kCalibrationEpochs; ++i) {
      const Epoch epoch = candidate(amount);
      const double rate = epoch.work / epoch.seconds;
      if (rate > best_rate) {
        best_rate = rate;
        job.chosen = candidate;
        job.amount = amount * epoch_seconds / epoch.seconds;
      }
    }
  }
}

void measure(Job& job, double seconds, double epoch_seconds) {
  const auto start = Clock::now();
  if (!job.chosen) calibrate(job, epoch_seconds);
  job.chosen(job.amount);  // warms caches and clocks up, is not counted
  for (int count = 0; count < kLeastEpochs || seconds_since(start) < seconds; ++count) {
    const Epoch epoch = job.chosen(job.amount);
    if (epoch.seconds > 0) job.rates.push_back(epoch.work / epoch.seconds / 1e9);
  }
}

void finish(const Job& job) {
  std::vector<double> sorted = job.rates;
  std::sort(sorted.begin(), sorted.end());
  // The second best: one epoch that a clock glitch made short must not set the bound.
  const double best = sorted.size() >= 2 ? sorted[sorted.size() - 2] : sorted.back();
  job.store(median_interval(sorted), best);
}

Candidate compute_candidate(Crew& crew, int threads, ComputeKernel kernel) {
  return [&crew, threads, kernel](double amount) {
    const auto iterations = static_cast<std::int64_t>(
        std::max(1.0, std::ceil(amount / kernel.operations_per_iteration)));
    const double seconds = crew.timed_seconds(threads, [&](int) { kernel.run(iterations); });
    return Epoch{seconds,
                 kernel.operations_per_iteration * static_cast<double>(iterations) * threads};
  };
}

// Streams over `bytes_each` of every worker's buffer: whole passes when an epoch takes several,
// else a window that moves on with every epoch, so that memory is cold when its turn comes again.
Candidate stream_candidate(Crew& crew, const std::vector<PageBuffer>& buffers, int threads,
                           StreamKernel kernel, std::size_t bytes_each) {
  const std::size_t length =
      bytes_each / static_cast<std::size_t>(kernel.streams) / kAlign * kAlign;
  auto position = std::make_shared<std::size_t>(0);
  return [&crew, &buffers, threads, kernel, length, position](double amount) {
    const double wanted = amount / kernel.streams;
    const auto passes =
        static_cast<std::int64_t>(std::max(1.0, wanted / static_cast<double>(length)));
    std::size_t window = length;
    if (wanted < static_cast<double>(length)) {
      window = std::max(kAlign, static_cast<std::size_t>(wanted) / kAlign * kAlign);
    }
    if (*position + window > length) *position = 0;
    const std::size_t at = *position;
    const double seconds = crew.timed_seconds(threads, [&](int worker) {
      std::byte* const from = buffers[static_cast<std::size_t>(worker)].data() + at;
      std::byte* const to = kernel.streams == 1 ? from : from + length;
      kernel.run(to, from, window, passes);
    });
    *position += window;
    return Epoch{seconds, static_cast<double>(window) * static_cast<double>(passes) *
                              kernel.streams * threads};
  };
}

// Bytes per thread for about half of cache `index`, of which `threads` take their shares.
std::size_t cache_share_bytes(const Cpu& cpu, std::size_t index, int threads) {
  const Cache& cache = cpu.data_caches[index];
  const auto users =
      static_cast<std::size_t>(std::clamp(threads, 1, std::max(1, cache.sharing_cores)));
  std::size_t bytes = cache.size_bytes / 2 / users;
  if (index > 0) {
    // Half a share may be less than the private level before it: step over that level.
    const std::size_t before = cpu.data_caches[index - 1].size_bytes;
    if (bytes < before + before / 2) bytes += before;
  }
  return std::max(kAlign * 2, bytes / kAlign * kAlign);
}

// Memory for the largest working set: an eighth of what is there and free, over all buffers.
std::size_t memory_limit_bytes(const Cpu& cpu) {
  std::size_t usable = cpu.memory_bytes;
  const CgroupLimits limits = read_cgroup_limits();
  if (limits.memory_bytes > 0) usable = std::min(usable, limits.memory_bytes);
  const auto available = find_value(read_text("/proc/meminfo").value_or(""), "MemAvailable");
  if (available) {
    const auto kib = parse_number(std::string_view(*available).substr(0, available->find(' ')));
    if (kib) usable = std::min(usable, static_cast<std::size_t>(*kib * 1024.0));
  }
  return usable / 8;
}

// All threads together; 0 when memory is too short for a set that no cache could hold.
std::size_t dram_bytes(const Cpu& cpu, int threads, std::size_t limit) {
  std::size_t cached = 0;
  if (!cpu.data_caches.empty()) cached = cpu.cache_bytes(cpu.data_caches.back().level, threads);
  const std::size_t wanted = std::clamp(cached * kDramOverCache, kLeastDramBytes,
                                        std::max(kLeastDramBytes, kMostDramBytes));
  const std::size_t bytes = std::min(wanted, limit / 2);  // one and all threads have each a set
  return bytes >= 2 * cached ? bytes : 0;
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
        measure(jobs_[i],
                std::max(kLeastEntrySeconds / kRounds, left / static_cast<double>(all - done)),
                epoch_seconds);
      }
    }
    for (const Job& job : jobs_) finish(job);
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
    job.candidates.push_back(compute_candidate(
        crew_, 1, {"clock", DType::kI64, kClockCyclesPerIteration, clock_kernel()}));
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
        jobs_[index].candidates.push_back(compute_candidate(crew_, threads, kernel));
        continue;
      }
      seen.push_back(identity);
      Job job;
      job.label = fmt::format("{} {}, {} thread{}", kernel.isa, name(kernel.dtype), threads,
                              threads == 1 ? "" : "s");
      job.candidates.push_back(compute_candidate(crew_, threads, kernel));
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
    dram_all_ = dram_bytes(cpu_, crew_.size(), limit) / workers / kAlign * kAlign * workers;
    for (std::size_t worker = 0; worker < workers; ++worker) {
      std::size_t bytes = std::max(dram_all_ / workers, worker == 0 ? dram_one_ : 0);
      for (std::size_t i = 0; i < cpu_.data_caches.size(); ++i) {
        bytes = std::max({bytes, cache_share_bytes(cpu_, i, crew_.size()),
                          worker == 0 ? cache_share_bytes(cpu_, i, 1) : 0});
      }
      buffers_.emplace_back(std::max(bytes, kAlign * 2));
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
    for (const char* kind : {"read", "write", "copy", "write_nt", "copy_nt"}) {
      // Non-temporal stores go past every cache: only memory can be their level.
      if (level != 0 && std::string_view(kind).ends_with("_nt")) continue;
      Job job;
      job.label = fmt::format("{} {}, {} thread{}", level == 0 ? "DRAM" : fmt::format("L{}", level),
                              kind, threads, threads == 1 ? "" : "s");
      for (const StreamKernel& kernel : stream_kernels(cpu_)) {
        if (std::string_view(kernel.kind) != kind) continue;
        job.candidates.push_back(stream_candidate(crew_, buffers_, threads, kernel, bytes_each));
      }
      if (job.candidates.empty()) continue;
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
