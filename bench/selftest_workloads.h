// The workloads of the self-test, apart from it so that other tools can be timed on the same code
// (bench/peers). Known ratios come from running one function with n and n(1+effect) steps of a
// dependent chain: latency-bound, so time is proportional to steps, on the same code and memory.
#pragma once

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/rng.h"

namespace aisp::bench {

/// A chain of dependent multiply-adds: about 4 cycles a step, no memory.
[[gnu::noinline]] inline std::uint64_t compute_chain(std::uint64_t steps, std::uint64_t x) {
  for (std::uint64_t i = 0; i < steps; ++i) x = x * 0x9e3779b97f4a7c15ull + 0xbf58476d1ce4e5b9ull;
  return x;
}

/// A chain of dependent loads through one random cycle.
[[gnu::noinline]] inline std::uint32_t memory_chain(std::uint64_t steps, const std::uint32_t* next,
                                                    std::uint32_t at) {
  for (std::uint64_t i = 0; i < steps; ++i) at = next[at];
  return at;
}

/// One cycle through all elements (Sattolo), one per cache line: 256 KiB stays in L2 and is noticed
/// by every neighbour that evicts it.
inline std::vector<std::uint32_t> random_cycle(std::uint64_t seed) {
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

/// One row of the self-test: a workload with a planted effect.
struct SelftestWorkload {
  const char* name;
  bool memory;
  std::uint64_t steps;  // at 3-4 GHz: 3 us, 36 us, 5 ms
  double effect;
  double margin;
  double seconds_each;  // guess, for sharing out the budget

  std::uint64_t steps_with_effect() const {
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(steps) * (1.0 + effect)));
  }
};

inline constexpr SelftestWorkload kSelftestWorkloads[] = {
    {"compute 3 us", false, 2700, 0.00, 0.010, 0.02},
    {"compute 3 us", false, 2700, 0.01, 0.005, 0.03},
    {"compute 3 us", false, 2700, 0.03, 0.010, 0.02},
    {"memory 36 us", true, 10000, 0.00, 0.010, 0.02},
    {"memory 36 us", true, 10000, 0.01, 0.005, 0.03},
    {"memory 36 us", true, 10000, 0.03, 0.010, 0.02},
    {"compute 5 ms", false, 4000000, 0.00, 0.010, 0.6},
    {"compute 5 ms", false, 4000000, 0.03, 0.010, 0.6},
};

inline volatile std::uint64_t selftest_sink;

/// A busy neighbour, for ever: computes, or streams 64 MiB. Dies with its parent. In a session of
/// its own: where the kernel shares the processor out by session first, a neighbour must not be
/// paid from the share of the trial that it disturbs.
[[noreturn]] inline void be_busy(bool memory) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setsid();
  std::vector<std::uint64_t> block(memory ? (8u << 20) : 1, 1);
  for (std::uint64_t x = 1;;) {
    if (memory) {
      for (auto& word : block) word += x;
      x = block[x % block.size()];
    } else {
      x = compute_chain(1000000, x);
    }
    selftest_sink = x;
  }
}

/// Busy neighbours while it lives: even ones compute, odd ones stream. Throws Error.
class BackgroundLoad {
 public:
  explicit BackgroundLoad(int count) {
    for (int i = 0; i < count; ++i) {
      const pid_t child = fork();
      if (child < 0) {
        end();
        throw Error("cannot start a background load process", "--load", "lower it");
      }
      if (child == 0) be_busy(i % 2 == 1);
      children_.push_back(child);
    }
  }
  ~BackgroundLoad() { end(); }
  BackgroundLoad(const BackgroundLoad&) = delete;
  BackgroundLoad& operator=(const BackgroundLoad&) = delete;

 private:
  void end() {
    for (const pid_t child : children_) kill(child, SIGKILL);
    for (const pid_t child : children_) waitpid(child, nullptr, 0);
  }
  std::vector<pid_t> children_;
};

}  // namespace aisp::bench
