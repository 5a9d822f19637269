// The rows of one step, as the executor hands them to a transformer. Views only: they must live
// until forward() returns.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/paged_attention/paged_attention.h"

namespace aisp::model {

/// Neighbouring rows of one sequence: they continue at position `context`, whose keys and values
/// (all before it) lie in `blocks`; theirs are written behind. `blocks` covers context + rows.
using Sequence = kernels::paged_attention::Sequence;

struct Batch {
  std::span<const std::int32_t> tokens;     // one a row
  std::span<const Sequence> sequences;      // in the order of their rows, all rows covered
  std::span<const std::int32_t> logits_of;  // rows whose logits are wanted
  std::span<const std::int32_t> hidden_of;  // rows whose last hidden states are wanted
};

}  // namespace aisp::model
