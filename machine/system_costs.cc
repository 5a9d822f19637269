// Costs of asking the kernel and the C library on one thread: a system call, reading clocks, a
// short sleep, memory from malloc and from mmap.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "base/units.h"
#include "machine/cost_sheet.h"
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace aisp::machine {
namespace {

constexpr std::size_t kSmallBytes = 64;
constexpr std::size_t kMappedBytes = std::size_t{1} << 20;
constexpr long kSleepNanoseconds = 50'000;  // long against a system call, short against a tick

template <class Operation>
CountedLoop repeated(Crew& crew, Operation operation) {
  return [&crew, operation](std::int64_t count) {
    const Crew::Time time = crew.timed(1, [&](int) {
      for (std::int64_t i = 0; i < count; ++i) operation();
    });
    return Epoch{time.seconds, static_cast<double>(count), time.interrupted};
  };
}

void keep(const void* address) { asm volatile("" : : "r"(address) : "memory"); }

void add_clocks(const CostProbe& probe) {
  probe.sheet.add_time({"system/clock_gettime", "ns", "CLOCK_MONOTONIC"}, 2000,
                       repeated(probe.crew, [] {
                         timespec now;
                         clock_gettime(CLOCK_MONOTONIC, &now);
                         keep(&now);
                       }));
#if defined(__x86_64__)
  probe.sheet.add_time({"system/rdtsc", "ns", "the processor's time-stamp counter"}, 5000,
                       repeated(probe.crew, [] {
                         const unsigned long long now = __rdtsc();
                         asm volatile("" : : "r"(now));
                       }));
#elif defined(__aarch64__)
  probe.sheet.add_time({"system/cntvct", "ns", "the processor's virtual counter"}, 5000,
                       repeated(probe.crew, [] {
                         unsigned long long now;
                         asm volatile("mrs %0, cntvct_el0" : "=r"(now));
                       }));
#else
  probe.sheet.add_missing("system/rdtsc", "this architecture has no counter that we know");
#endif
}

// How much later than asked a sleeper runs again: the kernel's slack, the timer, and waking up. The
// thread sleeps, so its processor time says nothing of other programs.
void add_sleep(const CostProbe& probe) {
  const int slack = prctl(PR_GET_TIMERSLACK);
  CountedLoop loop = [&crew = probe.crew](std::int64_t count) {
    const timespec asked{0, kSleepNanoseconds};
    const Crew::Time time = crew.timed(1, [&](int) {
      for (std::int64_t i = 0; i < count; ++i) clock_nanosleep(CLOCK_MONOTONIC, 0, &asked, nullptr);
    });
    const double slept = 1e-9 * kSleepNanoseconds * static_cast<double>(count);
    return Epoch{time.seconds - slept, static_cast<double>(count), false};
  };
  probe.sheet.add_time({"system/sleep overrun", "us",
                        fmt::format("of a sleep of {}; timer slack is {}",
                                    format_time(kSleepNanoseconds), format_time(slack))},
                       2, std::move(loop), 2e-3);
}

void add_allocation(const CostProbe& probe) {
  probe.sheet.add_time({"system/malloc and free", "ns",
                        fmt::format("{} bytes, one thread, freed at once", kSmallBytes)},
                       2000, repeated(probe.crew, [] {
                         void* memory = std::malloc(kSmallBytes);
                         keep(memory);
                         std::free(memory);
                       }));
  probe.sheet.add_time({"system/mmap and munmap", "ns",
                        format_bytes(static_cast<double>(kMappedBytes)) + ", not touched"},
                       100, repeated(probe.crew, [] {
                         void* memory = mmap(nullptr, kMappedBytes, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                         keep(memory);
                         munmap(memory, kMappedBytes);
                       }));
}

}  // namespace

void add_system_costs(const CostProbe& probe) {
  // getppid is not answered by the C library, takes no lock and does next to nothing.
  probe.sheet.add_time({"system/system call", "ns", "getppid"}, 1000,
                       repeated(probe.crew, [] { syscall(SYS_getppid); }));
  add_clocks(probe);
  add_sleep(probe);
  add_allocation(probe);
}

}  // namespace aisp::machine
