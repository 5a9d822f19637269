// Snapshots of process-wide state. See process_state.h.
#include "bench/process_state.h"

#include <dirent.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "bench/clock.h"

namespace aisp::bench {
namespace {

// Signals whose handlers can do a technique's work behind its back, or hide its end.
constexpr int kWatched[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGTRAP, SIGALRM, SIGVTALRM,
                            SIGPROF, SIGUSR1, SIGUSR2, SIGTERM, SIGSYS,  SIGABRT};

// All MXCSR bits but the sticky exception flags.
constexpr unsigned kControlBits = ~0x3fu;

double now_s() { return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC)) * 1e-9; }

int count_descriptors() {
  int count = 0;
  if (DIR* folder = opendir("/proc/self/fd")) {
    while (readdir(folder) != nullptr) ++count;
    closedir(folder);
  }
  return count;
}

}  // namespace

ProcessState process_state() {
  ProcessState state;
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "Threads:") status >> state.threads;
    if (word == "VmData:") {
      status >> state.data_bytes;
      state.data_bytes *= 1024;
    }
  }
  state.descriptors = count_descriptors();
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  const auto heap = mallinfo2();
  state.heap_bytes = static_cast<std::int64_t>(heap.uordblks + heap.hblkhd);
#endif
  return settings_now(std::move(state));
}

ProcessState settings_now(ProcessState state) {
  cpu_set_t mask;
  state.affinity.clear();
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) {
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &mask)) state.affinity.push_back(i);
    }
  }
  state.nice = getpriority(PRIO_PROCESS, 0);
  state.policy = sched_getscheduler(0);
#if defined(__x86_64__)
  state.fp_mode = _mm_getcsr() & kControlBits;
#endif
  state.handlers.clear();
  for (const int signal : kWatched) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    state.handlers.push_back(reinterpret_cast<std::uintptr_t>(action.sa_handler));
  }
  return state;
}

void restore(const ProcessState& state) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (const int cpu : state.affinity) CPU_SET(cpu, &mask);
  sched_setaffinity(0, sizeof mask, &mask);
  setpriority(PRIO_PROCESS, 0, state.nice);
  const sched_param
      none{};  // real-time policies would need their priority; workers never start in one
  sched_setscheduler(0, state.policy, &none);
#if defined(__x86_64__)
  _mm_setcsr((_mm_getcsr() & ~kControlBits) | state.fp_mode);
#endif
  for (std::size_t i = 0; i < state.handlers.size(); ++i) {
    struct sigaction action {};
    sigaction(kWatched[i], nullptr, &action);
    if (reinterpret_cast<std::uintptr_t>(action.sa_handler) == state.handlers[i]) continue;
    action.sa_handler = reinterpret_cast<void (*)(int)>(state.handlers[i]);
    action.sa_flags = 0;
    sigaction(kWatched[i], &action, nullptr);
  }
}

std::vector<std::pair<std::string, std::string>> state_changes(const ProcessState& before,
                                                               const ProcessState& after) {
  std::vector<std::pair<std::string, std::string>> changes;
  if (after.threads > before.threads) {
    changes.emplace_back("threads",
                         fmt::format("left {} thread(s) running", after.threads - before.threads));
  }
  if (after.affinity != before.affinity) {
    changes.emplace_back("affinity",
                         fmt::format("left the CPU affinity changed: {} CPUs before, {} after",
                                     before.affinity.size(), after.affinity.size()));
  }
  if (after.nice != before.nice || after.policy != before.policy) {
    changes.emplace_back("priority",
                         fmt::format("left the priority changed: nice {} and policy {} before, "
                                     "{} and {} after",
                                     before.nice, before.policy, after.nice, after.policy));
  }
  if (after.fp_mode != before.fp_mode) {
    changes.emplace_back("fp-mode", fmt::format("left the floating-point mode changed: MXCSR {:#x} "
                                                "before, {:#x} after",
                                                before.fp_mode, after.fp_mode));
  }
  for (std::size_t i = 0; i < before.handlers.size(); ++i) {
    if (after.handlers[i] == before.handlers[i]) continue;
    changes.emplace_back("signals", fmt::format("left a handler for signal {}", kWatched[i]));
  }
  if (after.descriptors > before.descriptors + 2) {
    changes.emplace_back("descriptors", fmt::format("left {} file descriptors open",
                                                    after.descriptors - before.descriptors));
  }
  return changes;
}

std::string memory_leak(const std::function<void()>& call) {
  constexpr int kBefore = 4;  // first calls allocate what a plan keeps
  for (int i = 0; i < kBefore; ++i) call();
  ProcessState most = process_state();
  const double begin = now_s();
  std::uint64_t calls = 0;
  while ((calls < 64 && now_s() - begin < 1.0) || (calls < 8192 && now_s() - begin < 0.02)) {
    call();
    ++calls;
  }
  std::uint64_t in_all = kBefore + calls;
  for (int times = 1;; ++times) {
    const ProcessState now = process_state();
    const std::int64_t grown =
        std::max(now.heap_bytes - most.heap_bytes, now.data_bytes - most.data_bytes);
    constexpr std::int64_t kPerCall = 64, kInAll = 256 << 10;
    if (grown <= std::max(kInAll, kPerCall * static_cast<std::int64_t>(calls))) return "";
    if (times == 3) return fmt::format("memory grew by {} bytes over {} calls", grown, calls);
    most.heap_bytes = std::max(most.heap_bytes, now.heap_bytes);
    most.data_bytes = std::max(most.data_bytes, now.data_bytes);
    calls = in_all;
    for (std::uint64_t i = 0; i < calls; ++i) call();
    in_all += calls;
  }
}

}  // namespace aisp::bench
