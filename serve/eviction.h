// Which cached block goes when memory is short: a policy is one number for each block, its rank at
// the time it was last used; the block with the lowest rank goes first. A rank never changes while
// a block lies unused, so a heap finds it in log n.
// Source: Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching"
// (1998): ranks with ageing by inflation.
#pragma once

#include <algorithm>
#include <cstdint>

namespace aisp::serve {

enum class Eviction {
  kLastUse,    // least recently used
  kFrequency,  // least often used, aged: rank = uses + rank of the last evicted
  kReuse,      // last use plus credit for what reuse so far says about the next; see rank()
};

/// What is known of a block when it was last used.
struct BlockUse {
  std::uint64_t tick = 0;    // of the index's clock, in blocks touched so far
  std::uint32_t uses = 0;    // requests that had it, its maker included
  std::int32_t depth = 0;    // blocks before it in its sequence
  bool follow_up = false;    // made by a request that had matched a prefix of its own kind
  std::uint64_t blocks = 1;  // of the cache: the unit of credit
};

double eviction_rank(Eviction policy, const BlockUse& use, double last_evicted_rank);

}  // namespace aisp::serve
