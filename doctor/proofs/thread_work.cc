// Work of several threads: steps with a barrier, a thread beside busy neighbours, hand-over.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "base/error.h"
#include "doctor/paths.h"
#include "doctor/proofs/busy_work.h"
#include "doctor/proofs/workload.h"
#include "machine/cpu.h"

namespace aisp::doctor {
namespace {

void pin_to(const std::string& list) {
  const auto cpus = parse_cpu_list(list);
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus.value_or(std::set<int>{})) CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) {
    throw Error(std::strerror(errno), "pinning to processors " + list, "");
  }
}

// What an OpenMP program takes: its variable, or every processor that the system shows.
int openmp_threads() {
  const char* asked = std::getenv("OMP_NUM_THREADS");
  const int number = asked != nullptr ? std::atoi(asked) : 0;
  return number > 0 ? number : machine::cpu().cores_online;
}

// Steps of equal parts with a barrier after each, as a parallel loop has. The threads stay, or are
// made for every step.
class Steps {
 public:
  Steps(int threads, bool spawn, std::uint64_t part, int steps)
      : threads_(threads), spawn_(spawn), part_(part), steps_(steps), barrier_(threads) {
    if (spawn_) return;
    for (int i = 1; i < threads_; ++i) {
      pool_.emplace_back([this] {
        for (;;) {
          barrier_.arrive_and_wait();
          if (done_) return;
          work();
          barrier_.arrive_and_wait();
        }
      });
    }
  }
  ~Steps() {
    if (spawn_) return;
    done_ = true;
    barrier_.arrive_and_wait();
    for (std::thread& thread : pool_) thread.join();
  }
  void run() {
    for (int step = 0; step < steps_; ++step) {
      if (spawn_) {
        std::vector<std::thread> made;
        for (int i = 1; i < threads_; ++i) made.emplace_back([this] { work(); });
        work();
        for (std::thread& thread : made) thread.join();
      } else {
        barrier_.arrive_and_wait();
        work();
        barrier_.arrive_and_wait();
      }
    }
    expected_ += static_cast<std::uint64_t>(threads_) * static_cast<std::uint64_t>(steps_);
  }
  bool right() const { return parts_ == expected_; }

 private:
  void work() { parts_ += busy_work(part_) != 0 ? 1 : 0; }
  const int threads_;
  const bool spawn_;
  const std::uint64_t part_;
  const int steps_;
  std::barrier<> barrier_;
  std::atomic<bool> done_{false};
  std::atomic<std::uint64_t> parts_{0};
  std::uint64_t expected_ = 0;
  std::vector<std::thread> pool_;
};

Prepared steps(const Arguments& arguments) {
  const std::string asked = arguments.word("threads", "openmp");
  const int threads = asked == "openmp" ? openmp_threads() : std::atoi(asked.c_str());
  if (threads < 1 || threads > 4096) throw Error("is no number of threads", asked, "");
  const auto total = static_cast<std::uint64_t>(arguments.number("work", 80000));
  const int count = arguments.count("steps", 8);
  const auto state = std::make_shared<Steps>(threads, arguments.flag("spawn"),
                                             total / static_cast<std::uint64_t>(threads), count);
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) state->run();
  };
  made.wrong = [=] { return state->right() ? "" : "a part of a step is missing"; };
  made.work = static_cast<double>(total / 1000) * count;
  made.unit = fmt::format("thousand multiplications on {} threads", threads);
  made.threads = threads;
  return made;
}

// One thread that matters beside neighbours that are always busy while it works, and only then:
// between epochs they rest, so that the other side has the machine for itself.
class Neighbours {
 public:
  Neighbours(int count, const std::string& cpus, int nice) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, cpus, nice] {
        if (!cpus.empty()) pin_to(cpus);
        if (nice != 0) setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), nice);
        live();
      });
    }
  }
  ~Neighbours() {
    state_ = kEnd;
    state_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  void begin() {
    state_ = kBusy;
    state_.notify_all();
  }
  void rest() {
    state_ = kRest;
    while (busy_.load() != 0) std::this_thread::yield();
  }

 private:
  static constexpr int kRest = 0, kBusy = 1, kEnd = 2;
  void live() {
    for (;;) {
      state_.wait(kRest);
      if (state_ == kEnd) return;
      ++busy_;
      while (state_ == kBusy) busy_work(2000);
      --busy_;
    }
  }
  std::atomic<int> state_{kRest};
  std::atomic<int> busy_{0};
  std::vector<std::thread> threads_;
};

Prepared beside(const Arguments& arguments) {
  const auto work = static_cast<std::uint64_t>(arguments.number("work", 6e6));
  const std::string own = arguments.word("own_cpus", "");
  const std::string theirs = arguments.word("their_cpus", "");
  const int count = arguments.count("neighbours", 0);
  const int nice = arguments.count("nice", 0);
  const auto neighbours =
      std::make_shared<Neighbours>(count, theirs, arguments.count("their_nice", 0));
  if (!own.empty()) pin_to(own);
  if (nice != 0 && setpriority(PRIO_PROCESS, 0, nice) != 0) {
    throw Error(std::strerror(errno), fmt::format("nice {}", nice), "needs CAP_SYS_NICE");
  }
  Prepared made;
  made.run = [=](std::uint64_t n) {
    neighbours->begin();
    for (std::uint64_t i = 0; i < n; ++i) busy_work(work);
    neighbours->rest();
  };
  made.work = static_cast<double>(work) / 1e6;
  made.unit = fmt::format("million multiplications beside {} busy threads", count);
  made.threads = 1 + count;
  return made;
}

// Batches from one thread to the next: through memory that both see, or copied through a pipe.
class HandOver {
 public:
  HandOver(std::size_t bytes, bool pipe, std::string producer, std::string consumer)
      : buffer_(bytes / 8), taken_(bytes / 8), pipe_(pipe) {
    if (pipe_ && pipe2(ends_, O_CLOEXEC) != 0) throw Error(std::strerror(errno), "pipe", "");
    if (!consumer.empty()) pin_to(consumer);
    producer_ = std::thread([this, producer] {
      if (!producer.empty()) pin_to(producer);
      produce();
    });
  }
  ~HandOver() {
    asked_ = ~0u;
    asked_.notify_all();
    producer_.join();
    if (!pipe_) return;
    close(ends_[0]);
    close(ends_[1]);
  }
  void take() {
    const unsigned number = ++asked_;
    asked_.notify_all();
    if (pipe_) {
      auto* to = reinterpret_cast<char*>(taken_.data());
      for (std::size_t at = 0; at < 8 * taken_.size();) {
        const ssize_t got = read(ends_[0], to + at, 8 * taken_.size() - at);
        if (got <= 0) break;
        at += static_cast<std::size_t>(got);
      }
    } else {
      for (unsigned seen = made_; seen != number; seen = made_) made_.wait(seen);
    }
    const auto& batch = pipe_ ? taken_ : buffer_;
    std::uint64_t sum = 0;
    for (const std::uint64_t word : batch) sum += word;
    if (sum != number * batch.size()) right = false;
  }
  bool right = true;

 private:
  void produce() {
    for (unsigned number = 0;;) {
      asked_.wait(number);
      if (asked_ == ~0u) return;
      number = asked_;
      for (std::uint64_t& word : buffer_) word = number;
      if (pipe_) {
        const auto* from = reinterpret_cast<const char*>(buffer_.data());
        for (std::size_t at = 0; at < 8 * buffer_.size();) {
          const ssize_t put = write(ends_[1], from + at, 8 * buffer_.size() - at);
          if (put <= 0) return;
          at += static_cast<std::size_t>(put);
        }
      }
      made_ = number;
      made_.notify_all();
    }
  }
  std::vector<std::uint64_t> buffer_, taken_;
  const bool pipe_;
  int ends_[2] = {-1, -1};
  std::atomic<unsigned> asked_{0}, made_{0};
  std::thread producer_;
};

Prepared hand_over(const Arguments& arguments) {
  const std::size_t bytes = arguments.size("bytes", 1 << 20);
  const auto state = std::make_shared<HandOver>(
      bytes, arguments.word("through", "memory") == "pipe", arguments.word("producer_cpus", ""),
      arguments.word("consumer_cpus", ""));
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) state->take();
  };
  made.wrong = [=] { return state->right ? "" : "a batch was not the one that was asked for"; };
  made.work = static_cast<double>(bytes) / 1024.0;
  made.unit = "KiB handed over";
  made.threads = 2;
  return made;
}

}  // namespace

std::vector<WorkloadRow> thread_work() {
  return {{"steps", steps}, {"beside", beside}, {"hand_over", hand_over}};
}

}  // namespace aisp::doctor
