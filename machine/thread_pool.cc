// Fork-join over a generation counter: run() publishes the body and bumps the generation, workers
// that spin or sleep on it wake, and the last one done wakes the caller. No queue and no lock: the
// pool serves regular loops, one at a time, where the cost of a fork must be near a microsecond.
// Source: the sense-reversing barrier of Mellor-Crummey and Scott, ACM TOCS 9 (1991), with a
// bounded spin in front of a futex wait (Karlin et al., "Empirical Studies of Competitive
// Spinning", 1991).
#include "machine/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "machine/cpu.h"

namespace aisp::machine {
namespace {

// A futex sleep and wake costs 5-50 us on a virtual machine; spinning about as long as that loses
// at most a factor of two against the best choice made with hindsight (Karlin et al.).
constexpr std::chrono::microseconds kSpin{30};
// The caller spins longer. Were both sides to sleep after 30 us and a wake to take 60 us (seen on a
// virtual CPU that had gone idle), each would find the other asleep, call after call: 65 us for
// work of 2 us, as a stable state. A caller that stays awake publishes the next call while the
// workers still spin, and the state ends after one wake.
constexpr std::chrono::microseconds kCallerSpin{300};
// The clock (20-30 ns) is read once per so many pauses (40-140 cycles each on current x86).
constexpr int kPausesPerClockRead = 16;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

// Returns once `word` differs from `old`: spins (when that can help), then sleeps. The notifier
// must change `word` by a sequentially consistent operation, or the wake could be lost.
int wait_until_changed(const std::atomic<int>& word, int old, bool may_spin,
                       std::chrono::microseconds spin) {
  int now = word.load(std::memory_order_acquire);
  if (now != old) return now;
  if (may_spin) {
    const auto deadline = std::chrono::steady_clock::now() + spin;
    do {
      for (int i = 0; i < kPausesPerClockRead; ++i) {
        pause();
        now = word.load(std::memory_order_acquire);
        if (now != old) return now;
      }
    } while (std::chrono::steady_clock::now() < deadline);
  }
  while ((now = word.load(std::memory_order_acquire)) == old) word.wait(old);
  return now;
}

}  // namespace

struct ThreadPool::State {
  // A cache line each: workers poll the first and count down the second, the caller polls that.
  alignas(64) std::atomic<int> generation{0};
  alignas(64) std::atomic<int> unfinished{0};
  alignas(64) const std::function<void(int)>* body = nullptr;  // null in a new generation: leave
  bool may_spin = true;
  bool running = false;
  std::vector<std::thread> threads;

  void work(int worker) {
    int seen = 0;
    for (;;) {
      seen = wait_until_changed(generation, seen, may_spin, kSpin);
      if (body == nullptr) return;
      (*body)(worker);
      if (unfinished.fetch_sub(1) == 1) unfinished.notify_one();
    }
  }

  void publish(const std::function<void(int)>* next) {
    body = next;
    unfinished.store(static_cast<int>(threads.size()));
    generation.fetch_add(1);
    generation.notify_all();
  }

  void stop() {
    publish(nullptr);
    for (std::thread& thread : threads) thread.join();
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  check(threads >= 0, "ThreadPool: threads must not be negative");
  const int cores = std::max(1, cpu().cores);
  const int count = threads == 0 ? cores : threads;
  // With more workers than cores, a spinning worker only keeps the others from running.
  state_->may_spin = count <= cores;
  state_->threads.reserve(static_cast<std::size_t>(count - 1));
  try {
    for (int worker = 1; worker < count; ++worker) {
      state_->threads.emplace_back([state = state_.get(), worker] { state->work(worker); });
    }
  } catch (const std::system_error& error) {
    const std::size_t started = state_->threads.size();
    state_->stop();
    throw Error("cannot start thread " + std::to_string(started + 2) + " of " +
                    std::to_string(count) + " (" + error.what() + ")",
                "thread pool", "use fewer threads or raise the limit (ulimit -u, cgroup pids.max)");
  }
}

ThreadPool::~ThreadPool() { state_->stop(); }

int ThreadPool::size() const { return static_cast<int>(state_->threads.size()) + 1; }

void ThreadPool::run(const std::function<void(int worker)>& body) {
  check(!state_->running, "ThreadPool::run is not reentrant");
  check(static_cast<bool>(body), "ThreadPool::run needs a body");
  if (state_->threads.empty()) {
    body(0);
    return;
  }
  state_->running = true;
  state_->publish(&body);
  body(0);
  int left = state_->unfinished.load(std::memory_order_acquire);
  while (left != 0)
    left = wait_until_changed(state_->unfinished, left, state_->may_spin, kCallerSpin);
  state_->running = false;
}

void ThreadPool::parallel_for(std::int64_t count, std::int64_t grain,
                              const std::function<void(std::int64_t, std::int64_t)>& body) {
  check(grain >= 1, "ThreadPool::parallel_for: grain must be positive");
  if (count <= 0) return;
  const std::int64_t blocks = (count - 1) / grain + 1;
  const std::int64_t workers = std::min<std::int64_t>(size(), blocks);
  const auto range = [&](std::int64_t worker) {
    // The first `blocks % workers` workers take one block more: no two differ by more than one.
    const std::int64_t share = blocks / workers, extra = blocks % workers;
    const std::int64_t first = worker * share + std::min(worker, extra);
    const std::int64_t last = first + share + (worker < extra ? 1 : 0);
    body(first * grain, std::min(count, last * grain));
  };
  if (workers == 1) {
    range(0);
    return;
  }
  run([&](int worker) {
    if (worker < workers) range(worker);
  });
}

}  // namespace aisp::machine
