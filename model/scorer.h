// Logits of given sequences in few large batches: what measuring a model's quality needs. The rows
// are computed as the engine computes them (model/transformer.h), only nothing is sampled.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "machine/thread_pool.h"
#include "model/kv_cache.h"
#include "model/layer_tensors.h"
#include "model/transformer.h"
#include "model/weights.h"

namespace aisp::model {

/// Tokens from position 0, one at least; logits are wanted of the positions from `first` on.
struct ScoredSequence {
  std::span<const std::int32_t> tokens;
  std::int64_t first = 0;
};

struct ScoredRow {
  std::size_t sequence = 0;
  std::int64_t position = 0;
  std::span<const float> logits;  // [vocab], gone when the call is over
};

class Scorer {
 public:
  struct Options {
    KvType kv = KvType::kBF16;
    int threads = 0;             // 0: one per core
    std::int64_t longest = 512;  // tokens of a sequence at most
  };

  /// Packs the weights; `tensors` and their file must outlive this. Throws Error: memory refused, a
  /// head size that the kernels do not compute.
  Scorer(const ModelTensors& tensors, const ModelConfig& config, const Options& options);

  /// Calls `take` with the wanted rows, in the order of sequences and positions, some at a time; it
  /// says whether to go on. Returns whether all were computed.
  bool run(std::span<const ScoredSequence> sequences,
           const std::function<bool(std::span<const ScoredRow>)>& take);

  /// Idle while `take` runs: to share the work on its rows.
  machine::ThreadPool& pool() { return pool_; }

 private:
  bool run_group(std::span<const ScoredSequence> group, std::size_t number,
                 const std::function<bool(std::span<const ScoredRow>)>& take);

  machine::ThreadPool pool_;
  Weights weights_;
  std::int64_t most_rows_;
  KvCache cache_;
  Transformer transformer_;
  std::vector<std::int32_t> blocks_;  // all of the cache
  std::vector<float> logits_;
};

}  // namespace aisp::model
