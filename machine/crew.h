// Threads that start one measured epoch together, each on a core of its own, and a buffer per
// thread that lies in memory near it. Only the ceilings use it.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "machine/cpu.h"
#include "machine/thread_pool.h"

namespace aisp::machine {

/// Gives the calling thread back the cores it had.
class AffinityGuard {
 public:
  AffinityGuard();
  ~AffinityGuard();
  AffinityGuard(const AffinityGuard&) = delete;
  AffinityGuard& operator=(const AffinityGuard&) = delete;

 private:
  cpu_set_t saved_;
  bool known_ = false;
};

/// Lets the calling thread run on these cores only; false when that is refused (or none is named).
bool run_on(std::span<const int> cores);

/// Pages of 2 MiB where the system grants them, or those of the base size only.
enum class Pages { kHuge, kBase };

/// Zero-copy anonymous memory on huge pages where the system grants them.
class PageBuffer {
 public:
  /// Reserves address space only; throws Error when refused. fill() makes it real.
  explicit PageBuffer(std::size_t size_bytes, Pages pages = Pages::kHuge);
  PageBuffer(PageBuffer&& other) noexcept;
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;
  ~PageBuffer();

  std::byte* data() const { return data_; }  // aligned to 2 MiB
  std::size_t size_bytes() const { return size_bytes_; }
  /// Writes every page from the calling thread, so that its node owns them. Pages differ: equal
  /// ones may be merged by a hypervisor, and then share cache lines.
  void fill() const;
  /// Of the bytes that are real, those on huge pages. Reads /proc/self/smaps; 0 if that is not
  /// there.
  std::size_t huge_bytes() const;

 private:
  void* mapping_ = nullptr;
  std::size_t mapped_bytes_ = 0;
  std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

class Crew {
 public:
  /// One thread per usable core of `cpu`, the caller included, pinned where core_ids says. The
  /// caller's affinity comes back with the destructor.
  explicit Crew(const Cpu& cpu);

  int size() const { return pool_.size(); }
  /// Runs body(worker) on the first `threads` workers (1 to size()), without timing.
  void run(int threads, const std::function<void(int)>& body);
  struct Time {
    double seconds = 0.0;      // from the first start until the slowest is done
    bool interrupted = false;  // a thread had less CPU time than wall time: others ran on its core
  };
  /// The same, from a common start, timed.
  Time timed(int threads, const std::function<void(int)>& body);

 private:
  void wait_for(int threads);

  AffinityGuard guard_;
  ThreadPool pool_;
  std::atomic<int> arrived_{0}, phase_{0};
  std::vector<double> begin_, end_, cpu_;
};

}  // namespace aisp::machine
