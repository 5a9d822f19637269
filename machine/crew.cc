// Threads, barrier and buffers of the ceilings. See crew.h.
#include "machine/crew.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Loads of the barrier's word before a thread offers its core to another: with background load the
// thread that is missing may be waiting for this very core.
constexpr int kSpinsBeforeYield = 4000;

// Of an epoch, without its CPU time: 20 us in a millisecond. Timer interrupts take 1-10 us and are
// part of every program's life; a time slice of another process takes milliseconds.
constexpr double kInterruptedShare = 0.02;

double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

AffinityGuard::AffinityGuard() { known_ = sched_getaffinity(0, sizeof saved_, &saved_) == 0; }
AffinityGuard::~AffinityGuard() {
  if (known_) sched_setaffinity(0, sizeof saved_, &saved_);
}

bool run_on(std::span<const int> cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) {
    if (core >= 0 && core < CPU_SETSIZE) CPU_SET(core, &set);
  }
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

PageBuffer::PageBuffer(std::size_t size_bytes, Pages pages)
    : mapped_bytes_(size_bytes + kHugePage), size_bytes_(size_bytes) {
  mapping_ = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping_ == MAP_FAILED) {
    throw Error(
        "cannot map " + std::to_string(mapped_bytes_ >> 20) + " MiB (" + std::strerror(errno) + ")",
        "measuring bandwidth", "free memory or raise the limit (ulimit -v, memory cgroup)");
  }
  const auto address = reinterpret_cast<std::uintptr_t>(mapping_);
  const std::uintptr_t aligned = (address + kHugePage - 1) / kHugePage * kHugePage;
  data_ = static_cast<std::byte*>(mapping_) + (aligned - address);
#if defined(MADV_HUGEPAGE)
  // Refused where the kernel has none: no matter.
  madvise(data_, size_bytes_, pages == Pages::kHuge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#endif
}

PageBuffer::PageBuffer(PageBuffer&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_bytes_(other.mapped_bytes_),
      data_(other.data_),
      size_bytes_(other.size_bytes_) {}

PageBuffer::~PageBuffer() {
  if (mapping_ != nullptr) munmap(mapping_, mapped_bytes_);
}

void PageBuffer::fill() const {
  auto* words = reinterpret_cast<std::uint64_t*>(data_);
  const std::size_t count = size_bytes_ / sizeof(std::uint64_t);
  for (std::size_t i = 0; i < count; ++i) words[i] = i * 0x9e3779b97f4a7c15ull;
}

std::size_t PageBuffer::huge_bytes() const {
  const auto first = reinterpret_cast<std::uintptr_t>(data_), last = first + size_bytes_;
  const std::string text = read_text("/proc/self/smaps").value_or("");
  std::uintptr_t begin = 0, end = 0;
  double kib = 0.0;
  for (const std::string_view line : split(text, '\n')) {
    unsigned long long from = 0, to = 0, here = 0;
    const std::string row(line);
    if (std::sscanf(row.c_str(), "%llx-%llx ", &from, &to) == 2) {
      begin = from, end = to;
    } else if (begin < last && end > first &&
               std::sscanf(row.c_str(), "AnonHugePages: %llu kB", &here) == 1) {
      kib += static_cast<double>(here);
    }
  }
  return std::min(size_bytes_, static_cast<std::size_t>(kib * 1024.0));
}

Crew::Crew(const Cpu& cpu)
    : pool_(std::max(1, cpu.cores)),
      begin_(static_cast<std::size_t>(pool_.size())),
      end_(static_cast<std::size_t>(pool_.size())),
      cpu_(static_cast<std::size_t>(pool_.size())) {
  pool_.run([&](int worker) {
    const auto index = static_cast<std::size_t>(worker);
    if (index >= cpu.core_ids.size()) return;
    run_on({&cpu.core_ids[index], 1});  // refused: the scheduler places the thread
  });
}

void Crew::wait_for(int threads) {
  const int phase = phase_.load();
  if (arrived_.fetch_add(1) + 1 == threads) {
    arrived_.store(0);
    phase_.store(phase + 1);
    return;
  }
  for (int spins = 0; phase_.load(std::memory_order_acquire) == phase; ++spins) {
    if (spins >= kSpinsBeforeYield) sched_yield();
  }
}

void Crew::run(int threads, const std::function<void(int)>& body) {
  check(threads >= 1 && threads <= size(), "Crew runs on its own threads");
  if (threads == 1) {
    body(0);
  } else {
    pool_.run([&](int worker) {
      if (worker < threads) body(worker);
    });
  }
}

Crew::Time Crew::timed(int threads, const std::function<void(int)>& body) {
  run(threads, [&](int worker) {
    const auto index = static_cast<std::size_t>(worker);
    if (threads > 1) wait_for(threads);
    // The wall clock is read inside of the CPU clock, so that an undisturbed epoch has no less of
    // the latter.
    const double cpu = thread_cpu_seconds();
    begin_[index] = now_seconds();
    body(worker);
    end_[index] = now_seconds();
    cpu_[index] = thread_cpu_seconds() - cpu;
  });
  double begin = begin_[0], end = end_[0];
  Time time;
  for (std::size_t i = 0; i < static_cast<std::size_t>(threads); ++i) {
    begin = std::min(begin, begin_[i]);
    end = std::max(end, end_[i]);
    const double wall = end_[i] - begin_[i];
    if (wall - cpu_[i] > kInterruptedShare * wall) time.interrupted = true;
  }
  time.seconds = end - begin;
  return time;
}

}  // namespace aisp::machine
