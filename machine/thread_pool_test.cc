// The pool must run every worker exactly once per fork, cover ranges exactly, survive many forks,
// and leave no thread behind.
#include "machine/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/error.h"
#include "machine/cpu.h"

namespace aisp::machine {
namespace {

int threads_of_this_process() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

// A joined thread may stay listed for a moment, until the kernel has reaped it.
bool soon_has_threads(int wanted) {
  for (int tries = 0; tries < 1000; ++tries) {
    if (threads_of_this_process() == wanted) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// Ends the process: 7 when the pool threw an Error with a remedy and left no thread behind.
[[noreturn]] void exit_7_when_refused() {
  const rlimit limit{512u << 20, 512u << 20};  // a stack takes 8 MiB: about 60 threads fit
  setrlimit(RLIMIT_AS, &limit);
  try {
    ThreadPool pool(1000);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::exit(soon_has_threads(1) && !error.remedy().empty() ? 7 : 8);
  }
  std::exit(9);
}

TEST(ThreadPool, ZeroMeansOnePerUsableCore) {
  ThreadPool pool;
  EXPECT_EQ(pool.size(), cpu().cores);
}

TEST(ThreadPool, EveryWorkerRunsOnceAndTheCallerIsWorkerZero) {
  for (int size : {1, 2, 3, 7}) {
    ThreadPool pool(size);
    ASSERT_EQ(pool.size(), size);
    std::vector<int> runs(static_cast<std::size_t>(size), 0);
    std::thread::id zero;
    pool.run([&](int worker) {
      ++runs[static_cast<std::size_t>(worker)];
      if (worker == 0) zero = std::this_thread::get_id();
    });
    EXPECT_EQ(runs, std::vector<int>(static_cast<std::size_t>(size), 1));
    EXPECT_EQ(zero, std::this_thread::get_id());
  }
}

TEST(ThreadPool, ParallelForCoversEveryIndexOnceInAlignedRanges) {
  for (int size : {1, 2, 5}) {
    ThreadPool pool(size);
    for (std::int64_t count : {0, 1, 2, 15, 16, 17, 1000}) {
      for (std::int64_t grain : {1, 7, 16, 2000}) {
        std::vector<std::atomic<int>> hits(static_cast<std::size_t>(count));
        std::atomic<int> misaligned{0}, calls{0};
        pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
          ++calls;
          if (begin % grain != 0 || (end % grain != 0 && end != count) || begin >= end)
            ++misaligned;
          for (std::int64_t i = begin; i < end; ++i) ++hits[static_cast<std::size_t>(i)];
        });
        for (const auto& hit : hits)
          ASSERT_EQ(hit.load(), 1) << size << " " << count << " " << grain;
        EXPECT_EQ(misaligned.load(), 0);
        EXPECT_LE(calls.load(), size);
      }
    }
  }
}

TEST(ThreadPool, TenThousandForks) {
  ThreadPool pool(2);
  std::int64_t sums[2] = {0, 0};
  for (int fork = 0; fork < 10000; ++fork) pool.run([&](int worker) { sums[worker] += fork; });
  EXPECT_EQ(sums[0], 9999 * 10000 / 2);
  EXPECT_EQ(sums[1], 9999 * 10000 / 2);
}

TEST(ThreadPool, ForksWhileWorkersSleepAndWhileOversubscribed) {
  ThreadPool pool(cpu().cores + 3);
  std::atomic<int> total{0};
  for (int fork = 0; fork < 20; ++fork) {
    pool.run([&](int) { ++total; });
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // longer than any spin
  }
  EXPECT_EQ(total.load(), 20 * (cpu().cores + 3));
}

TEST(ThreadPool, TheCallerWaitsForASlowWorker) {
  ThreadPool pool(2);
  std::atomic<bool> done{false};
  pool.run([&](int worker) {
    if (worker != 1) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    done = true;
  });
  EXPECT_TRUE(done.load());
}

TEST(ThreadPool, DestructorLeavesNoThreads) {
  const int before = threads_of_this_process();
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(4);
    if (i % 2 == 0) pool.run([](int) {});
    EXPECT_TRUE(soon_has_threads(before + 3));
  }
  EXPECT_TRUE(soon_has_threads(before));
}

// In a child process, because the limit stays for the life of a process. Memory, not RLIMIT_NPROC:
// root is exempt from the latter.
TEST(ThreadPoolDeathTest, ARefusedThreadIsAnErrorThatSaysWhatToDo) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers map terabytes: the address-space limit cannot be lowered";
#endif
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(exit_7_when_refused(), testing::ExitedWithCode(7),
              "cannot start thread [0-9]+ of 1000");
}

TEST(ThreadPoolDeathTest, ReentryIsABug) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        ThreadPool pool(2);
        pool.run([&](int worker) {
          if (worker == 0) pool.run([](int) {});
        });
      },
      "not reentrant");
}

}  // namespace
}  // namespace aisp::machine
