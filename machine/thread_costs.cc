// Costs of threads: making one, waking one on another core, handing one core over.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

#include "machine/cost_sheet.h"
#include "machine/descriptors.h"

namespace aisp::machine {
namespace {

constexpr std::uint32_t kOver = ~0u;  // ends the partner

void wake(std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

// Sleeps in the kernel until the word is no longer `old`: never spins, because the cost of waking
// is what is asked for.
std::uint32_t wait_while(std::atomic<std::uint32_t>& word, std::uint32_t old) {
  std::uint32_t now;
  while ((now = word.load(std::memory_order_acquire)) == old) {
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, old, nullptr, nullptr, 0);
  }
  return now;
}

// A thread on another core that answers each change of `there` by the same change of `back`.
class Partner {
 public:
  explicit Partner(int core)
      : thread_([this, core] {
          run_on({&core, 1});
          for (std::uint32_t seen = 0; (seen = wait_while(there_, seen)) != kOver;) {
            back_.store(seen, std::memory_order_release);
            wake(back_);
          }
        }) {}
  ~Partner() {
    there_.store(kOver, std::memory_order_release);
    wake(there_);
    thread_.join();
  }
  Partner(const Partner&) = delete;
  Partner& operator=(const Partner&) = delete;

  void call() {
    const std::uint32_t before = turn_;
    turn_ = (turn_ + 1) % kOver;
    there_.store(turn_, std::memory_order_release);
    wake(there_);
    wait_while(back_, before);
  }

 private:
  static_assert(sizeof(std::atomic<std::uint32_t>) == 4, "a futex is four bytes");
  std::atomic<std::uint32_t> there_{0}, back_{0};
  std::uint32_t turn_ = 0;
  std::thread thread_;
};

void add_creation(const CostProbe& probe) {
  CountedLoop loop = [&crew = probe.crew](std::int64_t count) {
    const Crew::Time time = crew.timed(1, [&](int) {
      for (std::int64_t i = 0; i < count; ++i) std::thread([] {}).join();
    });
    return Epoch{time.seconds, static_cast<double>(count), false};
  };
  probe.sheet.add_time({"threads/create and join", "us", "an empty thread, on the caller's core"},
                       5, std::move(loop));
}

void add_wake_up(const CostProbe& probe) {
  const char* const name = "threads/wake-up";
  if (probe.cpu.core_ids.size() < 2) {
    probe.sheet.add_missing(name, "one usable core");
    return;
  }
  auto partner = std::make_shared<Partner>(probe.cpu.core_ids[1]);
  CountedLoop loop = [&crew = probe.crew, partner](std::int64_t count) {
    const Crew::Time time = crew.timed(1, [&](int) {
      for (std::int64_t i = 0; i < count; ++i) partner->call();
    });
    return Epoch{time.seconds, 2.0 * static_cast<double>(count), false};
  };
  probe.sheet.add_time({name, "us", "half of a round trip by futex between two cores"}, 10,
                       std::move(loop));
}

// The switch, one write and one read; the row without a switch says how much of it those are.
void add_switch(const CostProbe& probe) {
  if (probe.cpu.core_ids.empty()) {
    probe.sheet.add_missing("threads/context switch", "threads cannot be told where to run");
    return;
  }
  struct Pair {
    Channel channel = pipe_channel();
    std::unique_ptr<Echo> echo;
  };
  auto pair = std::make_shared<Pair>();
  pair->echo = std::make_unique<Echo>(pair->channel, std::vector<int>{probe.cpu.core_ids[0]});
  CountedLoop loop = [&crew = probe.crew, pair](std::int64_t count) {
    const Crew::Time time = crew.timed(1, [&](int) { round_trips(pair->channel, count); });
    return Epoch{time.seconds, 2.0 * static_cast<double>(count), false};
  };
  probe.sheet.add_time({"threads/context switch", "us",
                        "half of a round trip by pipes between two threads of one core"},
                       20, std::move(loop));

  // To itself: what is written to near_out is read at far_in by the same thread.
  auto alone = std::make_shared<Channel>(pipe_channel());
  std::swap(alone->near_in, alone->far_in);
  CountedLoop same = [&crew = probe.crew, alone](std::int64_t count) {
    const Crew::Time time = crew.timed(1, [&](int) { round_trips(*alone, count); });
    return Epoch{time.seconds, static_cast<double>(count), time.interrupted};
  };
  probe.sheet.add_time({"threads/pipe write and read", "us", "without a switch, to be subtracted"},
                       50, std::move(same));
}

}  // namespace

void add_thread_costs(const CostProbe& probe) {
  add_creation(probe);
  add_wake_up(probe);
  add_switch(probe);
}

}  // namespace aisp::machine
