// See pointer_chase.h.
#include "machine/pointer_chase.h"

#include <numeric>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/rng.h"

namespace aisp::machine {

const void* lay_cycle(std::byte* memory, std::size_t size_bytes, std::size_t line_bytes,
                      std::uint64_t seed) {
  check(line_bytes >= sizeof(void*) && size_bytes / line_bytes >= 2, "a cycle needs two lines");
  check(size_bytes / line_bytes <= UINT32_MAX, "a cycle has at most 2^32 lines");
  const auto lines = static_cast<std::uint32_t>(size_bytes / line_bytes);
  std::vector<std::uint32_t> next(lines);
  std::iota(next.begin(), next.end(), 0u);
  Rng rng(seed);
  // Swapping with an earlier element only, never with itself: the permutation is one cycle.
  for (std::uint32_t i = lines - 1; i > 0; --i) {
    std::swap(next[i], next[static_cast<std::uint32_t>(rng.below(i))]);
  }
  for (std::uint32_t i = 0; i < lines; ++i) {
    *reinterpret_cast<const void**>(memory + i * line_bytes) = memory + next[i] * line_bytes;
  }
  return memory;
}

const void* chase(const void* from, std::int64_t blocks) {
  const void* at = from;
  for (std::int64_t block = 0; block < blocks; ++block) {
#pragma GCC unroll 16
    for (int i = 0; i < kChaseBlock; ++i) at = *static_cast<const void* const*>(at);
  }
  asm volatile("" : "+r"(at));
  return at;
}

}  // namespace aisp::machine
