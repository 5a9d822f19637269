// A few threads that do one piece of work after the other from a bounded queue: when it is full,
// whoever comes is told so and nothing is stored.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace aisp::front {

class Workers {
 public:
  /// Throws Error: no threads.
  Workers(int threads, std::size_t most_waiting);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// False: too much is waiting. `work` must not throw. Any thread.
  bool add(std::function<void()> work);
  std::size_t waiting() const;
  /// Forgets what waits, and waits for what runs; nothing can be added any more.
  void stop();

 private:
  void serve();

  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;
  std::size_t most_waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace aisp::front
