// The self-test. Known ratios come from running one function with n and n(1+effect) steps of a
// dependent chain: latency-bound, so time is proportional to steps, on the same code and memory.
#include "bench/selftest.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "bench/clock.h"
#include "bench/lab.h"
#include "bench/trial.h"

namespace aisp::bench {
namespace {

/// A chain of dependent multiply-adds: about 4 cycles a step, no memory.
[[gnu::noinline]] std::uint64_t compute_chain(std::uint64_t steps, std::uint64_t x) {
  for (std::uint64_t i = 0; i < steps; ++i) x = x * 0x9e3779b97f4a7c15ull + 0xbf58476d1ce4e5b9ull;
  return x;
}

/// A chain of dependent loads through one random cycle.
[[gnu::noinline]] std::uint32_t memory_chain(std::uint64_t steps, const std::uint32_t* next,
                                             std::uint32_t at) {
  for (std::uint64_t i = 0; i < steps; ++i) at = next[at];
  return at;
}

/// One cycle through all elements (Sattolo), one per cache line: 256 KiB stays in L2 and is noticed
/// by every neighbour that evicts it.
std::vector<std::uint32_t> random_cycle(std::uint64_t seed) {
  constexpr std::uint32_t kLines = 4096, kStride = 16;
  std::vector<std::uint32_t> order(kLines);
  std::iota(order.begin(), order.end(), 0);
  Rng rng(seed);
  for (std::uint32_t i = kLines - 1; i > 0; --i) std::swap(order[i], order[rng.below(i)]);
  std::vector<std::uint32_t> next(kLines * kStride);
  for (std::uint32_t i = 0; i < kLines; ++i) {
    next[order[i] * kStride] = order[(i + 1) % kLines] * kStride;
  }
  return next;
}

struct Workload {
  const char* name;
  bool memory;
  std::uint64_t steps;  // at 3-4 GHz: 3 us, 36 us, 5 ms
  double effect;
  double margin;
  double seconds_each;  // guess, for sharing out the budget
};

constexpr Workload kWorkloads[] = {
    {"compute 3 us", false, 2700, 0.00, 0.010, 0.02},
    {"compute 3 us", false, 2700, 0.01, 0.005, 0.03},
    {"compute 3 us", false, 2700, 0.03, 0.010, 0.02},
    {"memory 36 us", true, 10000, 0.00, 0.010, 0.02},
    {"memory 36 us", true, 10000, 0.01, 0.005, 0.03},
    {"memory 36 us", true, 10000, 0.03, 0.010, 0.02},
    {"compute 5 ms", false, 4000000, 0.00, 0.010, 0.6},
    {"compute 5 ms", false, 4000000, 0.03, 0.010, 0.6},
};

volatile std::uint64_t sink;

Contender chain(const Workload& workload, std::uint64_t steps, const std::uint32_t* next) {
  Contender contender;
  contender.name = workload.name;
  if (workload.memory) {
    contender.run = [steps, next](std::uint64_t n) {
      std::uint32_t at = 0;
      for (std::uint64_t i = 0; i < n; ++i) at = memory_chain(steps, next, at);
      sink = at;
    };
  } else {
    contender.run = [steps](std::uint64_t n) {
      std::uint64_t x = 1;  // carried, or the tail of one call would overlap the head of the next
      for (std::uint64_t i = 0; i < n; ++i) x = compute_chain(steps, x);
      sink = x;
    };
  }
  return contender;
}

void one_trial(SelftestRow& row, const Workload& workload, const std::uint32_t* next,
               std::uint64_t seed) {
  const auto more = static_cast<std::uint64_t>(
      std::llround(static_cast<double>(workload.steps) * (1.0 + workload.effect)));
  // The planted side alternates by seed, so that a bias towards one side would show.
  const bool flip = (splitmix64(seed) & 1) != 0;
  const std::uint64_t base_steps = flip ? more : workload.steps;
  const std::uint64_t mine_steps = flip ? workload.steps : more;
  const std::vector<Contender> pair = {chain(workload, base_steps, next),
                                       chain(workload, mine_steps, next)};
  TrialOptions options;
  options.rules.margin = workload.margin;
  options.budget_s = 4.0;
  options.seed = seed;
  const TrialRecord record = run_trial(pair, options);
  const PairResult& result = record.contenders[1].result;
  const double truth = static_cast<double>(mine_steps) / static_cast<double>(base_steps);
  const bool alarm = result.verdict == Verdict::kFaster || result.verdict == Verdict::kSlower;
  const Verdict planted = flip ? Verdict::kFaster : Verdict::kSlower;
  ++row.trials;
  row.alarms += alarm;
  row.right += workload.effect == 0.0 ? !alarm : result.verdict == planted;
  row.covered += result.ratio.contains(truth);
  row.inconclusive += result.verdict == Verdict::kInconclusive;
  row.cpu_clock += result.clock == Clock::kCpu;
  row.widths.push_back(result.ratio.high / result.ratio.low - 1.0);
  row.seconds.push_back(record.seconds);
}

/// Busy neighbours: even ones compute, odd ones stream 64 MiB. They die with us.
class BackgroundLoad {
 public:
  explicit BackgroundLoad(int count) {
    for (int i = 0; i < count; ++i) {
      const pid_t child = fork();
      if (child < 0) throw Error("cannot start a background load process", "--load", "lower it");
      if (child == 0) work(i % 2 == 1);
      children_.push_back(child);
    }
  }
  ~BackgroundLoad() {
    for (const pid_t child : children_) kill(child, SIGKILL);
    for (const pid_t child : children_) waitpid(child, nullptr, 0);
  }

 private:
  [[noreturn]] static void work(bool memory) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::vector<std::uint64_t> block(memory ? (8u << 20) : 1, 1);
    for (std::uint64_t x = 1;;) {
      if (memory) {
        for (auto& word : block) word += x;
        x = block[x % block.size()];
      } else {
        x = compute_chain(1000000, x);
      }
      sink = x;
    }
  }
  std::vector<pid_t> children_;
};

}  // namespace

double measure_loop_overhead_ns() {
  auto plan = plan_of([](const Io&) {});
  const Io io({}, {});
  const Contender empty{"empty", [&](std::uint64_t n) { plan->run(io, n); }};
  std::vector<double> samples;
  for (int i = 0; i < 200; ++i) samples.push_back(time_epoch(empty, 100000).wall_ns);
  return median(samples);
}

double measure_setup_bias_ns() {
  Contender loop{"loop", [](std::uint64_t n) {
                   for (std::uint64_t i = 0; i < n; ++i) sink = compute_chain(500, i);
                 }};
  Contender alone = loop;
  alone.before_each = [] {};
  std::vector<double> differences;
  for (int i = 0; i < 400; ++i) {
    differences.push_back(time_epoch(alone, 50).wall_ns - time_epoch(loop, 50).wall_ns);
  }
  return std::fabs(median(differences));
}

SelftestResult run_selftest(const SelftestOptions& options) {
  const auto next = random_cycle(options.seed);
  SelftestResult result;
  result.load = options.load;
  const std::int64_t begin = kernel_clock_ns(CLOCK_MONOTONIC);
  const auto elapsed_s = [&] {
    return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC) - begin) * 1e-9;
  };
  result.loop_overhead_ns = measure_loop_overhead_ns();
  result.setup_bias_ns = measure_setup_bias_ns();
  for (const Workload& workload : kWorkloads) {
    result.rows.push_back({workload.name, workload.effect, workload.margin});
  }
  const BackgroundLoad load(options.load);
  // Passes over all rows, so that drift in the machine meets every row alike. A pass gives short
  // operations many trials for each one of a long operation.
  std::uint64_t serial = 0;
  bool more = true;
  for (std::int64_t pass = 0; more; ++pass) {
    more = false;
    for (std::size_t i = 0; i < result.rows.size(); ++i) {
      SelftestRow& row = result.rows[i];
      const bool is_long = kWorkloads[i].seconds_each > 0.1;
      const int repeats = is_long ? 1 : 8;
      for (int repeat = 0; repeat < repeats; ++repeat) {
        const bool wanted = options.trials > 0 ? row.trials < options.trials
                                               : elapsed_s() < options.seconds;
        if (!wanted) break;
        more = true;
        one_trial(row, kWorkloads[i], next.data(), derive_seed(options.seed, ++serial));
        if (!options.progress) continue;
        double done = elapsed_s() / options.seconds;
        if (options.trials > 0) {
          done = 0.0;
          for (const auto& each : result.rows) done += static_cast<double>(each.trials);
          done /= static_cast<double>(options.trials) * static_cast<double>(result.rows.size());
        }
        options.progress(std::min(1.0, done));
      }
    }
  }
  for (SelftestRow& row : result.rows) {
    row.width_median = median(row.widths);
    row.seconds_median = median(row.seconds);
  }
  result.seconds = elapsed_s();
  return result;
}

}  // namespace aisp::bench
