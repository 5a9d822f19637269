// The rows of one step, as the executor hands them to a transformer. Views only: they must live
// until forward() returns.
#pragma once

#include <cstdint>
#include <span>

namespace aisp::model {

/// Neighbouring rows of one sequence: they continue at position `context`, whose keys and values
/// (all before it) lie in `blocks`; theirs are written behind. `blocks` covers context + rows.
struct Sequence {
  std::int32_t first_row = 0, rows = 0;
  std::int32_t context = 0;
  std::span<const std::int32_t> blocks;
};

struct Batch {
  std::span<const std::int32_t> tokens;     // one a row
  std::span<const Sequence> sequences;      // in the order of their rows, all rows covered
  std::span<const std::int32_t> logits_of;  // rows whose logits are wanted
};

}  // namespace aisp::model
