// A barrier of workers that are inside one fork: one counter and one phase, spinning.
// Source: Mellor-Crummey and Scott, "Algorithms for Scalable Synchronization on Shared-Memory
// Multiprocessors", ACM TOCS 9 (1991), the sense-reversing barrier.
#pragma once

#include <atomic>
#include <thread>

namespace aisp::labs::ch12::kernel_launches {

class SpinBarrier {
 public:
  explicit SpinBarrier(int workers) : workers_(workers) {}

  /// Returns when all workers have called it as often as this one.
  void wait() {
    if (workers_ == 1) return;
    const int phase = phase_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == workers_) {
      arrived_.store(0, std::memory_order_relaxed);
      phase_.store(phase + 1, std::memory_order_release);
      return;
    }
    // A worker that lost its core would be waited for at the price of its own time slice: after
    // some 4000 polls, 20 us or more, give the core away.
    for (int polls = 0; phase_.load(std::memory_order_acquire) == phase; ++polls) {
      if (polls > 4000) std::this_thread::yield();
    }
  }

 private:
  const int workers_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> phase_{0};
};

}  // namespace aisp::labs::ch12::kernel_launches
