// A plan that hands its calls to a thread of its own, for the attacks that do so at the wrong time
// or without saying so.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>

#include "bench/attacks/common.h"

namespace aisp::attacks {

class HandOver : public bench::Plan {
 public:
  HandOver() : thread_([this] { serve(); }) {}
  ~HandOver() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 protected:
  /// Starts `calls` calls on the thread once it is idle, after a sleep, and waits for their end if
  /// `wait`. The sleep lets the caller go on first even where both share a CPU.
  void hand_over(const Io& io, std::uint64_t calls, bool wait, int sleep_us = 0) {
    std::unique_lock lock(mutex_);
    wait_idle(lock);
    x_ = io.in<float>(0);
    y_ = io.out<float>(0);
    calls_ = calls;
    sleep_us_ = sleep_us;
    changed_.notify_all();
    if (wait) wait_idle(lock);
  }

 private:
  void wait_idle(std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [this] { return calls_ == 0; });
  }
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return calls_ > 0 || ending_; });
      if (calls_ == 0) return;
      lock.unlock();
      if (sleep_us_ > 0) std::this_thread::sleep_for(std::chrono::microseconds(sleep_us_));
      for (std::uint64_t i = 0; i < calls_; ++i) rotate_all(x_.data(), y_.data(), y_.size());
      lock.lock();
      calls_ = 0;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t calls_ = 0;
  int sleep_us_ = 0;
  bool ending_ = false;
  std::span<const float> x_;
  std::span<float> y_;
  std::thread thread_;
};

}  // namespace aisp::attacks
