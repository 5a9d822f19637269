// Turns plans into tokens with a model on this machine's processor: moves blocks, computes rows,
// samples. One thread uses it, the engine's executor thread; its pool's threads help.
#pragma once

#include <memory>
#include <vector>

#include "model/kv_cache.h"
#include "model/transformer.h"
#include "serve/executor.h"
#include "serve/sampler.h"

namespace aisp::serve {

class ModelExecutor : public Executor {
 public:
  struct Options {
    model::KvType kv_type = model::KvType::kBF16;
    int device_blocks = 0;  // as in the scheduler's Config, whose block_tokens is kBlockTokens
    int host_blocks = 0;
    int max_rows = 0;
  };
  /// `weights` and `pool` must outlive it. Throws Error when memory is refused.
  ModelExecutor(const model::Weights& weights, machine::ThreadPool& pool, const Options& options);

  void run(const Plan& plan, Result& result) override;

  /// How long steps take here, from a few of them, before the first plan (they write into blocks):
  /// a second at most, as a rule much less. Costs it does not see keep the defaults' proportions.
  TimeModel measure_time();

 private:
  void move(const Move& move);
  void gather(const Plan& plan);
  void answer(const Work& work, std::span<const float> logits, Result& result);
  bool find_allowed(const text::GrammarState& grammar);

  model::KvCache cache_;
  std::unique_ptr<model::KvCache> host_;
  model::Transformer transformer_;
  Sampler sampler_;
  std::size_t vocab_;
  int most_rows_;
  // Of the plan under way; kept for their memory.
  std::vector<Token> tokens_, sequence_;
  std::vector<std::uint64_t> allowed_;
  std::vector<model::Sequence> sequences_;
  std::vector<std::int32_t> wanted_;
  std::vector<float> logits_;
};

}  // namespace aisp::serve
