// What is a leak: memory that grows with the calls, in whatever way; and what only looks like one.
#include "bench/process_state.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <list>
#include <memory>
#include <vector>

namespace aisp::bench {
namespace {

constexpr std::size_t kKib = 1024;

TEST(MemoryLeak, KeepingALittleOfEveryCallIsOne) {
  std::list<std::vector<char>> kept;
  EXPECT_NE(memory_leak([&] { kept.emplace_back(16 * kKib); }), "");
}

TEST(MemoryLeak, KeepingPagesOfEveryCallIsOne) {
  std::vector<void*> kept;
  EXPECT_NE(memory_leak([&] {
              kept.push_back(mmap(nullptr, 16 * kKib, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
            }),
            "");
  for (void* pages : kept) munmap(pages, 16 * kKib);
}

// Capacity doubles: most calls allocate nothing.
TEST(MemoryLeak, AVectorThatGrowsForEverIsOne) {
  std::vector<char> all;
  EXPECT_NE(memory_leak([&] { all.insert(all.end(), 16 * kKib, 'x'); }), "");
}

// A cycle that leaves a lot at every fiftieth call.
TEST(MemoryLeak, KeepingALotNowAndThenIsOne) {
  std::list<std::vector<char>> kept;
  int calls = 0;
  EXPECT_NE(memory_leak([&] {
              if (++calls % 50 == 0) kept.emplace_back(600 * kKib);
            }),
            "");
}

TEST(MemoryLeak, APoolThatFindsItsSizeLateIsNone) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps memory of its own";
#endif
  for (const int late : {1, 5, 40, 68}) {
    std::vector<std::unique_ptr<char[]>> pool;
    int calls = 0;
    EXPECT_EQ(memory_leak([&] {
                if (++calls == late) pool.push_back(std::make_unique<char[]>(1024 * kKib));
              }),
              "")
        << late;
  }
}

// Blocks of ever other sizes, some of which outlive a few calls: the heap has holes, and grows
// until they are enough.
TEST(MemoryLeak, AHeapWithHolesIsNone) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps memory of its own";
#endif
  std::vector<std::vector<char>> some(7);
  std::size_t calls = 0;
  EXPECT_EQ(memory_leak([&] {
              ++calls;
              some[calls % some.size()] = std::vector<char>((calls * 37 % 101 + 1) * kKib);
              const std::vector<char> own((calls * 53 % 89 + 1) * kKib);
            }),
            "");
}

}  // namespace
}  // namespace aisp::bench
