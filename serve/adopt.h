// Keys and values that another engine computed come into this one's memory as a cached prefix.
// Where a request goes on after its prompt was computed elsewhere, it finds them like any other.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "serve/scheduler.h"

namespace aisp::serve {

/// Puts the full blocks of `tokens` into the index, as far as memory goes without preempting
/// anybody; what is there already stays. Returns (place in the sequence, device block) of those
/// whose content the caller must bring before the next step. Nobody holds them yet: they can be
/// evicted. Call it between steps, on a state without a second tier.
std::vector<std::pair<int, BlockId>> adopt_prefix(State& state, std::uint64_t domain,
                                                  std::span<const Token> tokens);

}  // namespace aisp::serve
