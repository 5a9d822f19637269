// A small fork-join pool: the caller is worker 0, the others spin briefly, then sleep.
// Made in a technique's plan, gone with it: no threads outlive their technique.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace aisp::machine {

class ThreadPool {
 public:
  /// threads >= 1, the caller included; 0 means one per usable core. Throws Error if the system
  /// refuses a thread.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  /// Runs body(worker) once on every worker, worker in [0, size()), and returns when all are done.
  /// body must not throw. Not reentrant. Cost: about 1 us when the workers still spin.
  void run(const std::function<void(int worker)>& body);

  /// Splits [0, count) into size() contiguous ranges, each a multiple of `grain` but the last.
  void parallel_for(std::int64_t count, std::int64_t grain,
                    const std::function<void(std::int64_t begin, std::int64_t end)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aisp::machine
