// The self-test's workloads on a GPU: a kernel that computes for about 5, 20 and 200 us and one
// that reads memory, in the epochs that labs are timed in. Work can be set exactly, time cannot: a
// launch costs a microsecond or so that no step of ours makes, and reads go by waves of blocks. So
// the work that lengthens the time by just the effect is found by a long run before, and what that
// run saw of it is the truth that the trials are held against.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/rng.h"
#include "bench/device_bench.h"
#include "bench/selftest_kernels.h"
#include "bench/selftest_subject.h"

namespace aisp::bench {
namespace {

constexpr std::int64_t kReadBuffer = std::int64_t{8} << 30;  // the L2 has a hundredth of it
constexpr std::int64_t kPlace = 4096;
constexpr std::int64_t kVector = 16;  // reads go by so many bytes

struct Workload {
  const char* name;
  bool reads;
  double target_ns;
  std::int64_t guess;  // of steps or bytes, on an H200
  std::vector<std::pair<double, double>> effects_and_margins;
};

const std::array<Workload, 5>& workloads() {
  static const std::array<Workload, 5> all = {{
      {"spin 5 us", false, 5e3, 1000, {{0.0, 0.01}, {0.01, 0.005}, {0.03, 0.01}}},
      {"spin 20 us", false, 20e3, 5000, {{0.0, 0.01}, {0.01, 0.005}, {0.03, 0.01}}},
      {"read 20 us", true, 20e3, 64 << 20, {{0.0, 0.01}, {0.01, 0.005}, {0.03, 0.01}}},
      {"spin 200 us", false, 200e3, 50000, {{0.0, 0.01}, {0.03, 0.01}}},
      {"read 200 us", true, 200e3, 768 << 20, {{0.0, 0.01}, {0.03, 0.01}}},
  }};
  return all;
}

Problem sink_problem() { return {{}, {{"sink", DType::kI32, {1}}}}; }

class DeviceSubject final : public SelftestSubject {
 public:
  DeviceSubject()
      : bench_(DeviceBenchOptions{}),
        set_(sink_problem(), "/tmp", bench_.stream_only()),
        memory_(static_cast<std::size_t>(kReadBuffer)) {
    memory_.fill(1);
    for (const Workload& workload : workloads()) {
      const std::int64_t work = work_for(workload);
      for (const auto& [effect, margin] : workload.effects_and_margins) {
        const auto [more, truth] = plant(workload, work, effect);
        pairs_.push_back({workload.name, effect, margin, truth, false});
        plans_.push_back({plan(workload, work), plan(workload, more)});
      }
    }
  }

  const std::vector<SelftestPair>& pairs() const override { return pairs_; }

  Contender contender(std::size_t pair, bool with_effect) override {
    Contender made = contender_of(*plans_[pair][with_effect ? 1 : 0]);
    made.name = pairs_[pair].workload;
    return made;
  }

  void set_rules(TrialOptions& options) const override {
    options.epoch_ns = kDeviceEpochNs;
    judge_by_device(options.rules, true);
  }

 private:
  std::unique_ptr<Plan> plan(const Workload& workload, std::int64_t work) {
    if (!workload.reads) {
      return plan_of([work](const Io& io) {
        enqueue_spin(work, reinterpret_cast<std::uint32_t*>(io.out<std::int32_t>(0).data()),
                     io.stream());
      });
    }
    // Anywhere: places in turn would fall into step with the epochs of a pair, and some are slower.
    return plan_of([this, bytes = work / kVector * kVector](const Io& io) {
      const auto places = static_cast<std::uint64_t>((kReadBuffer - bytes) / kPlace);
      const auto at = static_cast<std::int64_t>(places_.below(places)) * kPlace;
      enqueue_read(memory_.as<std::byte>() + at, bytes,
                   reinterpret_cast<std::uint32_t*>(io.out<std::int32_t>(0).data()), io.stream());
    });
  }

  Contender contender_of(Plan& plan) {
    Contender made;
    made.most_iterations = bench_.most_iterations();
    made.timed = [this, &plan](std::uint64_t n, bool*) { return bench_.epoch(plan, set_, n, {}); };
    made.run = [this, &plan](std::uint64_t) { bench_.warm_up(plan, set_); };
    return made;
  }

  double call_ns(Plan& plan) {
    const Contender one = contender_of(plan);
    const std::uint64_t iterations = calibrate(one, kDeviceEpochNs, nullptr);
    std::vector<double> times;
    for (int i = 0; i < 32; ++i) times.push_back(time_epoch(one, iterations).cpu_ns);
    return median(times);
  }

  // Scales the guess to the aim. Twice: the launch is no part of the work.
  std::int64_t work_for(const Workload& workload) {
    auto work = static_cast<double>(workload.guess);
    for (int i = 0; i < 2; ++i) {
      work *= workload.target_ns / call_ns(*plan(workload, std::llround(work)));
    }
    return std::llround(work);
  }

  // Time of `more` work over that of `work`: median of as many pairs of epochs, in random order.
  double ratio_of(const Workload& workload, std::int64_t work, std::int64_t more, int pairs) {
    const auto one = plan(workload, work), other = plan(workload, more);
    const Contender a = contender_of(*one), b = contender_of(*other);
    const std::uint64_t iterations = calibrate(a, kDeviceEpochNs, nullptr);
    time_epoch(b, iterations);
    std::vector<double> ratios;
    for (int i = 0; i < pairs; ++i) {
      const bool turned = orders_.below(2) == 1;
      const double first = time_epoch(turned ? b : a, iterations).cpu_ns;
      const double second = time_epoch(turned ? a : b, iterations).cpu_ns;
      ratios.push_back(turned ? first / second : second / first);
    }
    bench_.forget(*one);
    bench_.forget(*other);
    return median(ratios);
  }

  // Work whose time is longer by `effect`, and by how much it then is. Time goes by steps of some
  // 30 ns a kernel: the nearest of what was tried.
  std::pair<std::int64_t, double> plant(const Workload& workload, std::int64_t work,
                                        double effect) {
    if (effect == 0.0) return {work, 1.0};
    double more = static_cast<double>(work) * effect, best = more, least = 1e300;
    const auto planted = [&](double steps) { return work + std::llround(steps); };
    for (int i = 0; i < 6; ++i) {
      const double seen = ratio_of(workload, work, planted(more), 100) - 1.0;
      if (std::fabs(seen - effect) < least) best = more;
      least = std::min(least, std::fabs(seen - effect));
      more *= effect / std::clamp(seen, 0.5 * effect, 2.0 * effect);
    }
    return {planted(best), ratio_of(workload, work, planted(best), 300)};
  }

  DeviceBench bench_;
  InputSet set_;
  machine::DeviceArray memory_;
  Rng places_{5}, orders_{6};
  std::vector<SelftestPair> pairs_;
  std::vector<std::array<std::unique_ptr<Plan>, 2>> plans_;
};

}  // namespace

std::unique_ptr<SelftestSubject> selftest_on_device() {
  const std::string& why_not = machine::cuda_device().why_not;
  if (!why_not.empty()) throw Error(why_not, "--device cuda", "see docs/GPU.md");
  return std::make_unique<DeviceSubject>();
}

std::vector<std::uint32_t> chase_cycles(std::int64_t bytes, std::int64_t chains,
                                        std::uint64_t seed) {
  constexpr std::int64_t kWords = 32;  // of a line of 128 bytes
  const std::int64_t lines = bytes / 128;
  std::vector<std::uint32_t> words(static_cast<std::size_t>(lines * kWords));
  Rng rng(seed);
  for (std::int64_t chain = 0; chain < chains; ++chain) {
    std::vector<std::int64_t> order;  // the lines chain, chain + chains, ...; begins at the first
    for (std::int64_t line = chain; line < lines / chains * chains; line += chains) {
      order.push_back(line);
    }
    for (std::size_t i = order.size() - 1; i > 1; --i) {
      std::swap(order[i], order[1 + rng.below(i)]);
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
      words[static_cast<std::size_t>(order[i] * kWords)] =
          static_cast<std::uint32_t>(order[(i + 1) % order.size()] * kWords);
    }
  }
  return words;
}

}  // namespace aisp::bench
