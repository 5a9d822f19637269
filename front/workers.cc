// See workers.h.
#include "front/workers.h"

#include <pthread.h>

#include <system_error>
#include <utility>

#include "base/error.h"

namespace aisp::front {

Workers::Workers(int threads, std::size_t most_waiting) : most_waiting_(most_waiting) {
  try {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { serve(); });
      pthread_setname_np(threads_.back().native_handle(), "front-worker");
    }
  } catch (const std::system_error& refused) {
    stop();
    throw Error(refused.what(), "threads of the front", "raise the limit of threads");
  }
}

Workers::~Workers() { stop(); }

void Workers::stop() {
  std::deque<std::function<void()>> forgotten;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    forgotten.swap(queue_);
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool Workers::add(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= most_waiting_) return false;
    queue_.push_back(std::move(work));
  }
  ready_.notify_one();
  return true;
}

std::size_t Workers::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void Workers::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

}  // namespace aisp::front
