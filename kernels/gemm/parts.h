// What the blocked loops stand on: memory for packing, and a way to hand out work to threads.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "base/error.h"
#include "machine/thread_pool.h"

// Four elements of x and y by index. GCC 11 (Ubuntu 22.04) knows only the older built-in.
#if defined(__clang__) || __GNUC__ >= 12
#define AISP_SHUFFLE_4(x, y, a, b, c, d) __builtin_shufflevector(x, y, a, b, c, d)
#else
using IntFour = int __attribute__((vector_size(16)));
#define AISP_SHUFFLE_4(x, y, a, b, c, d) __builtin_shuffle(x, y, IntFour{a, b, c, d})
#endif

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

/// Items 0 .. count - 1 handed out to threads: each first works through its own contiguous share,
/// which keeps what it packed or fetched in its caches, then helps the others.
class WorkShare {
 public:
  explicit WorkShare(int workers) : taken_(static_cast<std::size_t>(workers)) {}
  int workers() const { return static_cast<int>(taken_.size()); }
  void reset() {
    for (Counter& counter : taken_) counter.value.store(0, std::memory_order_relaxed);
  }
  /// The next item for `worker`, or -1 when all are taken.
  std::int64_t take(int worker, std::int64_t count) {
    const int workers = this->workers();
    for (int i = 0; i < workers; ++i) {
      const int owner = (worker + i) % workers;
      const std::int64_t begin = owner * count / workers;
      const std::int64_t size = (owner + 1) * count / workers - begin;
      std::atomic<std::int64_t>& taken = taken_[static_cast<std::size_t>(owner)].value;
      if (taken.load(std::memory_order_relaxed) >= size) continue;
      const std::int64_t mine = taken.fetch_add(1, std::memory_order_relaxed);
      if (mine < size) return begin + mine;
    }
    return -1;
  }

 private:
  struct alignas(64) Counter {
    std::atomic<std::int64_t> value{0};
  };
  std::vector<Counter> taken_;
};

/// Runs body(item, worker) for every item; on the caller alone where there is nothing to share.
inline void run_items(machine::ThreadPool* pool, WorkShare& share, std::int64_t items,
                      const auto& body) {
  if (share.workers() == 1 || items == 1) {
    for (std::int64_t item = 0; item < items; ++item) body(item, 0);
    return;
  }
  share.reset();
  pool->run([&](int worker) {
    if (worker >= share.workers()) return;
    for (std::int64_t item = share.take(worker, items); item >= 0;
         item = share.take(worker, items)) {
      body(item, worker);
    }
  });
}

}  // namespace aisp::kernels::gemm
