// Loads that wait for each other: every line of a buffer holds the address of another one, all of
// them in one cycle of random order, so that no prefetcher can know what comes next.
// Source: McVoy and Staelin, "lmbench: portable tools for performance analysis" (USENIX 1996),
// lat_mem_rd; the cycle is Sattolo's, Information Processing Letters 22 (1986).
#pragma once

#include <cstddef>
#include <cstdint>

namespace aisp::machine {

/// Lays a cycle through the first word of each line of the buffer, in an order that the seed
/// determines. Returns its start. REQUIRES: line_bytes holds a pointer, at most 2^32 lines, two at
/// least. Takes 4 bytes a line of further memory while it works, 20 to 40 ns a line.
const void* lay_cycle(std::byte* memory, std::size_t size_bytes, std::size_t line_bytes,
                      std::uint64_t seed);

/// Steps in blocks of kChaseBlock: the loop's own cost hides behind the loads.
constexpr std::int64_t kChaseBlock = 16;
/// Follows blocks * kChaseBlock addresses; returns where it ended.
const void* chase(const void* from, std::int64_t blocks);

}  // namespace aisp::machine
