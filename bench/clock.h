// Two clocks for every epoch: wall time from the time-stamp counter, and CPU time of the thread (or
// process) from the kernel. Both are read without going through library symbols that loaded code
// could replace; verify_clocks() cross-checks them against the library's.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

namespace aisp::bench {

/// Raw ticks, ordered after earlier and before later instructions. About 10 ns.
inline std::uint64_t ticks() {
#if defined(__x86_64__)
  std::uint32_t low, high, aux;
  asm volatile("rdtscp\n\tlfence" : "=a"(low), "=d"(high), "=c"(aux)::"memory");
  return (static_cast<std::uint64_t>(high) << 32) | low;
#else
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000u +
         static_cast<std::uint64_t>(now.tv_nsec);
#endif
}

/// Nanoseconds of a kernel clock (CLOCK_MONOTONIC_RAW, CLOCK_THREAD_CPUTIME_ID ...) by direct
/// system call. About 100-300 ns.
std::int64_t kernel_clock_ns(clockid_t clock);

/// Nanoseconds per tick, calibrated once per process over 20 ms against CLOCK_MONOTONIC_RAW.
double ns_per_tick();

/// Cost of one begin/end pair of ticks() around nothing, in nanoseconds: the least of 1,000.
double tick_overhead_ns();

/// Marks a moment on every clock there is.
struct ClockMark {
  std::uint64_t ticks = 0;
  std::int64_t kernel_wall_ns = 0, kernel_cpu_ns = 0;
  std::int64_t library_wall_ns = 0, library_cpu_ns = 0;
};
ClockMark mark_clocks();

/// "" when clock_gettime, called now, lies between two readings of the kernel; otherwise what it
/// said. Needs no time to pass, so that the technique that replaced it can be named. About 1 us.
std::string clock_replaced();

/// "" when all clocks agree on the time since `begin` (within 2 % and 1 ms); otherwise which do
/// not.
std::string clocks_disagree(const ClockMark& begin, const ClockMark& end);

}  // namespace aisp::bench
