// Each operation is cut into tasks that go through a locked queue to workers that sleep until they
// are woken, and the caller sleeps until the last one is done: the thread pool of most programs.
// Source: the design of progschj/ThreadPool (std::queue, std::mutex, std::condition_variable).
#include <condition_variable>
#include <mutex>
#include <queue>
#include <thread>

#include "labs/ch12_graphs/kernel_launches/problem.h"

namespace aisp::labs::ch12::kernel_launches {
namespace {

class QueuePool {
 public:
  explicit QueuePool(int workers) {
    for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  }
  ~QueuePool() {
    {
      const std::lock_guard lock(mutex_);
      leaving_ = true;
    }
    waiting_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  int size() const { return static_cast<int>(threads_.size()); }

  void submit(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push(std::move(task));
      ++unfinished_;
    }
    waiting_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return unfinished_ == 0; });
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      waiting_.wait(lock, [this] { return leaving_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop();
      lock.unlock();
      task();
      lock.lock();
      if (--unfinished_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable waiting_, done_;
  std::queue<std::function<void()>> tasks_;
  int unfinished_ = 0;
  bool leaving_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

bench::Technique queue_per_op() {
  return {.name = "queue_per_op",
          .summary = "each operation goes as tasks through a locked queue to sleeping workers",
          .threads = 0,
          .blocks = true,
          .plan = [](const bench::Params& params) {
            auto pool = std::make_unique<QueuePool>(machine::cpu().cores);
            return bench::plan_of(
                [params, ops = program(params), pool = std::move(pool)](const bench::Io& io) {
                  const Step step(params, io);
                  for (const Op& op : ops) {
                    for (int part = 0; part < pool->size(); ++part) {
                      pool->submit([&, part] { run_slice(step, op, part, pool->size()); });
                    }
                    pool->wait();
                  }
                });
          }};
}

}  // namespace aisp::labs::ch12::kernel_launches
