// See count_allocations.h. A file of its own: where the compiler sees both operators it warns that
// free() does not belong to new.
#include "serve/count_allocations.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

namespace {
std::atomic<std::int64_t> allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace aisp::serve {

std::int64_t allocations_so_far() { return allocations; }

TEST(CountAllocations, Counts) {
  const std::int64_t before = allocations_so_far();
  void* memory = ::operator new(8);
  ::operator delete(memory);
  EXPECT_EQ(allocations_so_far(), before + 1);
}

}  // namespace aisp::serve
