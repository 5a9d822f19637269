// Clocks. See clock.h.
#include "bench/clock.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace aisp::bench {

std::int64_t kernel_clock_ns(clockid_t clock) {
  timespec now{};
#if defined(__x86_64__)
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(SYS_clock_gettime), "D"(static_cast<long>(clock)), "S"(&now)
               : "rcx", "r11", "memory");
#else
  syscall(SYS_clock_gettime, clock, &now);
#endif
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

namespace {

// Kernel time and counter at one moment. A task is most often preempted on its way out of a system
// call, between the two readings: the tightest of some brackets was not.
struct Moment {
  double kernel_ns = 0.0, ticks = 0.0;
};

Moment moment_now() {
  Moment tightest;
  double width = 1e300;
  for (int i = 0; i < 32; ++i) {
    const std::uint64_t before = ticks();
    const std::int64_t kernel = kernel_clock_ns(CLOCK_MONOTONIC_RAW);
    const std::uint64_t after = ticks();
    const auto bracket = static_cast<double>(after - before);
    if (bracket >= width) continue;
    width = bracket;
    tightest = {static_cast<double>(kernel), static_cast<double>(before) + 0.5 * bracket};
  }
  return tightest;
}

}  // namespace

double ns_per_tick() {
  static const double calibrated = [] {
    const Moment begin = moment_now();
    while (static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC_RAW)) - begin.kernel_ns < 20e6) {
    }
    const Moment end = moment_now();
    return (end.kernel_ns - begin.kernel_ns) / (end.ticks - begin.ticks);
  }();
  return calibrated;
}

double tick_overhead_ns() {
  static const double overhead = [] {
    std::uint64_t least = ~0ull;
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t begin = ticks();
      asm volatile("" ::: "memory");
      least = std::min(least, ticks() - begin);
    }
    return static_cast<double>(least) * ns_per_tick();
  }();
  return overhead;
}

ClockMark mark_clocks() {
  const auto library = [](clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
  };
  ClockMark mark;
  mark.library_wall_ns = library(CLOCK_MONOTONIC);
  mark.kernel_wall_ns = kernel_clock_ns(CLOCK_MONOTONIC);
  mark.ticks = ticks();
  mark.library_cpu_ns = library(CLOCK_PROCESS_CPUTIME_ID);
  mark.kernel_cpu_ns = kernel_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  return mark;
}

std::string clock_replaced() {
  // A replacement shows the time that passes another one; 20 us are over before anybody gains by
  // it.
  constexpr std::int64_t kSlackNs = 20000;
  const std::int64_t before = kernel_clock_ns(CLOCK_MONOTONIC);
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t after = kernel_clock_ns(CLOCK_MONOTONIC);
  const std::int64_t library = now.tv_sec * 1000000000ll + now.tv_nsec;
  if (library >= before - kSlackNs && library <= after + kSlackNs) return "";
  return fmt::format("clock_gettime is {:.1f} us off the kernel's clock",
                     static_cast<double>(library - before) / 1e3);
}

std::string clocks_disagree(const ClockMark& begin, const ClockMark& end) {
  const auto far = [](double a, double b) {
    return std::fabs(a - b) > 1e6 + 0.02 * std::max(a, b);
  };
  const auto wall = static_cast<double>(end.kernel_wall_ns - begin.kernel_wall_ns);
  const auto library = static_cast<double>(end.library_wall_ns - begin.library_wall_ns);
  const auto cpu = static_cast<double>(end.kernel_cpu_ns - begin.kernel_cpu_ns);
  const auto library_cpu = static_cast<double>(end.library_cpu_ns - begin.library_cpu_ns);
  const double counter = static_cast<double>(end.ticks - begin.ticks) * ns_per_tick();
  if (far(wall, library)) {
    return fmt::format("clock_gettime says {:.3f} ms, the kernel {:.3f} ms", library / 1e6,
                       wall / 1e6);
  }
  if (far(cpu, library_cpu)) {
    return fmt::format("clock_gettime says {:.3f} ms of CPU time, the kernel {:.3f} ms",
                       library_cpu / 1e6, cpu / 1e6);
  }
  if (far(wall, counter)) {
    return fmt::format("the time-stamp counter says {:.3f} ms, the kernel {:.3f} ms", counter / 1e6,
                       wall / 1e6);
  }
  return "";
}

}  // namespace aisp::bench
