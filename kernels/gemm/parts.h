// What the blocked loops stand on: memory for packing, a barrier, a shared counter of work.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "base/error.h"

namespace aisp::kernels::gemm {

inline std::int64_t divide_up(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }

/// Aligned floats. Large ones sit on huge pages where the system grants them: a block of B spans
/// hundreds of small pages, and the tile meets a new one every few rows.
class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(std::int64_t count) {
    if (count == 0) return;
    constexpr std::size_t kSmallPage = 4096, kHugePage = 2 << 20;
    const std::size_t wanted = static_cast<std::size_t>(count) * sizeof(float);
    // From 64 KiB on, the reach of 16 of the 64 entries of an L1 TLB.
    const std::size_t page = wanted >= 16 * kSmallPage ? kHugePage : kSmallPage;
    const std::size_t bytes = (wanted + page - 1) / page * page;
    data_.reset(static_cast<float*>(std::aligned_alloc(page, bytes)));
    if (data_ == nullptr) {
      throw Error("out of memory for packing", "gemm", "use a smaller problem or fewer threads");
    }
    if (page == kHugePage) madvise(data_.get(), bytes, MADV_HUGEPAGE);
    std::memset(data_.get(), 0, wanted);  // page faults happen now, not in the first call
  }
  float* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* data) const { std::free(data); }
  };
  std::unique_ptr<float, Free> data_;
};

/// Where threads wait for each other inside one product. Spins, since all arrive within
/// microseconds, and yields in case a thread has no core of its own.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}
  void wait() {
    const int phase = phase_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      phase_.store(phase + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; phase_.load(std::memory_order_acquire) == phase; ++spins) {
      if (spins > 2000) std::this_thread::yield();
    }
  }

 private:
  const int threads_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> phase_{0};
};

/// A counter that threads take work from, alone on its cache line.
struct alignas(64) Ticket {
  std::atomic<std::int64_t> next{0};
  std::int64_t take() { return next.fetch_add(1, std::memory_order_relaxed); }
};

}  // namespace aisp::kernels::gemm
