// Only the cache, on a recorded trace: how many blocks of the prompts a policy of eviction finds
// with little memory, beside what unlimited memory and what perfect knowledge of the future would
// find. So a policy is judged by its share of what there was to win.
// Source: Belady, "A study of replacement algorithms for virtual-storage computers" (1966).
#pragma once

#include <cstdint>

#include "base/request_trace.h"
#include "serve/eviction.h"

namespace aisp::serve {

/// Shares of all full blocks of the prompts, in the trace's own blocks (hash_tokens tokens each).
struct CacheReplay {
  std::int64_t blocks = 0, distinct = 0;
  double found = 0.0;  // share, with so many blocks of memory
  double ideal = 0.0;  // share, with unlimited memory
};

/// Each request finds a prefix and leaves its full blocks behind, one request after the other, in
/// the engine's own index. Throws Error when the trace does not say which prompts begin alike.
CacheReplay replay_cache(const RequestTrace& trace, double memory_share_of_distinct,
                         Eviction eviction);

/// `found` of whoever knows the future: what is used again last goes first, and what is never used
/// again is not kept. No policy finds more: a block is used whenever one behind it is, so this
/// never drops a block before those behind it.
CacheReplay clairvoyant_cache(const RequestTrace& trace, double memory_share_of_distinct);

}  // namespace aisp::serve
