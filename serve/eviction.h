// Which cached block goes when memory is short: a policy is one number for each block, its rank at
// the time it was last used; the block with the lowest rank goes first, among equals the one used
// least recently. A rank never changes while a block lies unused, so a heap finds it in log n.
// Source: Arlitt et al., "Evaluating Content Management Techniques for Web Proxy Caches" (2000):
// least frequently used with dynamic ageing.
#pragma once

#include <cstdint>

namespace aisp::serve {

enum class Eviction : std::uint8_t {
  kLastUse,    // least recently used
  kFrequency,  // least often used, aged: rank = uses + the highest rank evicted so far
};

/// Share of full blocks found on Mooncake's conversation trace with 2, 5, 10, 20 and 30 % of the
/// distinct blocks in memory (`aisp engine simulate --cache-study`; unlimited: 38.2 %):
///   kLastUse    8.0  20.2  28.8  35.8  37.3
///   kFrequency  8.6  21.2  29.7  35.3  37.0
/// Tried at 10 %, and no better than one point above kFrequency even when fitted on this very
/// trace: Gittins indices over age for classes by uses, turn, prompt and answer length; S3-FIFO;
/// last use plus credit for reuse; penalties for depth and length. Seven of ten conversations end
/// after their first turn and nothing before says which: five points more take 1.7 times the
/// memory.
inline double eviction_rank(Eviction policy, std::uint64_t tick, std::uint32_t uses,
                            double highest_evicted) {
  return policy == Eviction::kLastUse ? static_cast<double>(tick) : highest_evicted + uses;
}

}  // namespace aisp::serve
