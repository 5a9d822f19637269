// Hands the work to a thread of its own and returns; the thread goes on after the clock stopped.
// The first hundred calls of a plan wait for it, so that verification sees nothing.
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
    for (std::uint64_t i = 0; i < iterations; ++i) {
      std::unique_lock lock(mutex_);
      wait_idle(lock);
      x_ = io.in<float>(0);
      y_ = io.out<float>(0);
      busy_ = true;
      changed_.notify_all();
      if (!kCheat || ++calls_ <= 100) wait_idle(lock);
    }
  }

 private:
  void wait_idle(std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [this] { return !busy_; });
  }
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return busy_ || ending_; });
      if (!busy_) return;
      lock.unlock();
      rotate_all(x_.data(), y_.data(), y_.size());
      lock.lock();
      busy_ = false;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false, ending_ = false;
  std::uint64_t calls_ = 0;
  std::span<const float> x_;
  std::span<float> y_;
  std::thread thread_;
};

}  // namespace

bench::Lab describe() {
  return map_lab<Attack>("Is work on another thread after the return caught?");
}

}  // namespace aisp::attacks::late_thread
