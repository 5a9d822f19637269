// Hands the work to a thread of its own and returns; the thread goes on after the clock stopped.
// Single calls, as in verification, wait for it.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "bench/attacks/common.h"

namespace aisp::attacks::late_thread {
namespace {

template <bool kCheat>
class Attack final : public bench::Plan {
 public:
  explicit Attack(const Params&) : thread_([this] { serve(); }) {}
  ~Attack() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void run(const Io& io, std::uint64_t iterations) override {
    std::unique_lock lock(mutex_);
    wait_idle(lock);
    x_ = io.in<float>(0);
    y_ = io.out<float>(0);
    calls_ = iterations;
    changed_.notify_all();
    if (!kCheat || iterations == 1) wait_idle(lock);
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
      for (std::uint64_t i = 0; i < calls_; ++i) rotate_all(x_.data(), y_.data(), y_.size());
      lock.lock();
      calls_ = 0;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t calls_ = 0;
  bool ending_ = false;
  std::span<const float> x_;
  std::span<float> y_;
  std::thread thread_;
};

}  // namespace

// An eighth of the usual size: an epoch then always has several calls.
bench::Lab describe() {
  return map_lab<Attack>("Is work on another thread after the return caught?", kCount / 8);
}

}  // namespace aisp::attacks::late_thread
