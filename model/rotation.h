// Rotary positions of one batch: the angles of every row once, for all layers and heads.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/rope/rope.h"
#include "machine/thread_pool.h"
#include "model/batch.h"
#include "model/config.h"

namespace aisp::model {

class Rotation {
 public:
  Rotation(const ModelConfig& config, machine::ThreadPool& pool);

  /// Of the rows of this batch, until the next.
  void prepare(const Batch& batch);

  /// Turns rows of `heads` heads in place. `local`: by the rope of layers with a window.
  void apply(float* x, std::int64_t heads, bool local) const;

 private:
  struct Table {
    RopeTable rope;
    RopePairs pairs = RopePairs::kHalves;
    kernels::rope::Angles angles;
  };

  machine::ThreadPool& pool_;
  std::int64_t head_size_;
  bool one_table_;  // all layers turn alike
  Table table_, local_;
  std::vector<std::int32_t> positions_;
};

}  // namespace aisp::model
