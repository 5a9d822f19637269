// Steps over recorded requests, by hand: whoever schedules adds rows and computes them. What a plan
// keeps between calls is here, so that a call allocates nothing that stays.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "machine/thread_pool.h"
#include "model/batch_rows.h"
#include "recorded/requests.h"

namespace aisp::recorded {

class Steps {
 public:
  /// Memory for keys and values of so many blocks, and the most rows of a step, of which at most
  /// `most_wanted` have logits. One thread. `shape` must outlive this.
  Steps(const Shape& shape, std::int64_t blocks, std::int64_t most_rows, std::int64_t most_wanted,
        model::KvType type = model::KvType::kF32);

  /// A call begins: its weights, its tokens, its output.
  void begin(const bench::Io& io);

  /// `count` tokens of a request from `first` on, in these blocks, which live until forward().
  /// `computed_before`: rows given again, after a request lost its blocks; no logits are wanted.
  void add(std::int64_t request, std::int64_t first, std::int64_t count,
           std::span<const std::int32_t> blocks, bool computed_before = false);
  /// Rows that only fill a rectangle. `wanted`: with logits, which nobody looks at.
  void padding(std::int64_t count, std::int64_t context, std::span<const std::int32_t> blocks,
               bool wanted);
  /// Computes them; logits of wanted answers go to the output.
  void forward();

  /// Every wanted row has been computed.
  bool done() const { return computed_ == shape_.rows; }
  const Shape& shape() const { return shape_; }
  std::span<const std::int32_t> tokens(std::int64_t request, std::int64_t first,
                                       std::int64_t count) const;
  model::KvCache& cache() { return cache_; }
  /// The blocks of place 0, 1 ..., `each` of them: where no pool hands them out.
  std::span<const std::int32_t> place(std::int64_t index, std::int64_t each) const;

 private:
  const Shape& shape_;
  machine::ThreadPool pool_{1};
  model::KvCache cache_;
  model::LentTransformer model_;
  model::BatchRows rows_;
  std::vector<std::int32_t> ids_, padding_;
  std::vector<float> row_logits_;
  std::vector<std::int64_t> to_;  // row of the output for each row of logits; -1: nobody wants it
  std::int64_t computed_ = 0;     // rows of the output
  // Of this call.
  model::Transformer* transformer_ = nullptr;
  std::span<const std::int32_t> input_;
  std::span<float> output_;
};

}  // namespace aisp::recorded
