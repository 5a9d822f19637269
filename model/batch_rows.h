// Gathers the rows of a step, sequence by sequence, into a Batch. Kept from step to step, so that a
// steady state allocates nothing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/batch.h"

namespace aisp::model {

class BatchRows {
 public:
  void clear() {
    tokens_.clear();
    sequences_.clear();
    logits_of_.clear();
  }

  /// The next tokens of a sequence, which has `context` of them already in `blocks`. The logits of
  /// the last `wanted` rows are asked for. `blocks` must live until forward() returns.
  void add(std::span<const std::int32_t> tokens, std::int64_t context,
           std::span<const std::int32_t> blocks, std::int64_t wanted) {
    const auto first = static_cast<std::int64_t>(tokens_.size());
    const auto rows = static_cast<std::int64_t>(tokens.size());
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    sequences_.push_back({.first_row = first, .rows = rows, .context = context, .blocks = blocks});
    for (std::int64_t row = rows - wanted; row < rows; ++row) {
      logits_of_.push_back(static_cast<std::int32_t>(first + row));
    }
  }

  bool empty() const { return tokens_.empty(); }
  /// Rows of logits that forward() will write, in the order of add().
  std::size_t wanted() const { return logits_of_.size(); }
  Batch batch() const {
    return {.tokens = tokens_, .sequences = sequences_, .logits_of = logits_of_};
  }

 private:
  std::vector<std::int32_t> tokens_, logits_of_;
  std::vector<Sequence> sequences_;
};

}  // namespace aisp::model
