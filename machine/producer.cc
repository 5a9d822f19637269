// Two counters, each written by one side and waited for by the other. See producer.h.
#include "machine/producer.h"

#include <atomic>
#include <exception>

#include "base/check.h"
#include "machine/thread_pool.h"

namespace aisp::machine {
namespace {

// Loads before a wait goes to sleep: some 20 us, less than a sleep and a wake on a virtual machine.
constexpr int kPolls = 4000;
// Added to a counter by a side that failed: larger than any count of items, so that nobody waits.
constexpr std::int64_t kStopped = std::int64_t{1} << 62;

}  // namespace

struct Producer::State {
  explicit State(int slot_count) : slots(slot_count) {}

  static std::int64_t wait_for(const std::atomic<std::int64_t>& counter, std::int64_t wanted) {
    std::int64_t now = counter.load(std::memory_order_acquire);
    for (int polls = 0; now < wanted && polls < kPolls; ++polls) {
      now = counter.load(std::memory_order_acquire);
    }
    while (now < wanted) {
      counter.wait(now, std::memory_order_acquire);
      now = counter.load(std::memory_order_acquire);
    }
    return now;
  }

  static void advance(std::atomic<std::int64_t>& counter, std::int64_t by) {
    counter.fetch_add(by);
    counter.notify_one();
  }

  // One side: waits for `theirs` to come `lead` items before its own, works, tells `mine`.
  struct Side {
    const std::atomic<std::int64_t>& theirs;
    std::atomic<std::int64_t>& mine;
    std::int64_t lead;  // items of theirs needed beyond one's own: 1 for the consumer, 1 - slots
    std::exception_ptr& failure;
  };

  void work(std::int64_t count, const Work& body, const Side& side) const {
    try {
      for (std::int64_t item = 0; item < count; ++item) {
        if (wait_for(side.theirs, item + side.lead) >= kStopped) break;
        body(item, static_cast<int>(item % slots));
        advance(side.mine, 1);
      }
    } catch (...) {
      side.failure = std::current_exception();
      advance(side.mine, kStopped);
    }
  }

  const int slots;
  alignas(64) std::atomic<std::int64_t> produced{0};
  alignas(64) std::atomic<std::int64_t> consumed{0};
  ThreadPool pool{2};
};

Producer::Producer(int slots) {
  check(slots >= 1, "Producer: at least one slot");
  state_ = std::make_unique<State>(slots);
}

Producer::~Producer() = default;

int Producer::slots() const { return state_->slots; }

void Producer::run(std::int64_t count, const Work& produce, const Work& consume) {
  State& s = *state_;
  s.produced.store(0);
  s.consumed.store(0);
  std::exception_ptr failures[2];
  s.pool.run([&](int worker) {
    if (worker == 0) {
      s.work(count, consume, {s.produced, s.consumed, 1, failures[0]});
    } else {
      s.work(count, produce, {s.consumed, s.produced, 1 - s.slots, failures[1]});
    }
  });
  for (const auto& failure : {failures[1], failures[0]}) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace aisp::machine
