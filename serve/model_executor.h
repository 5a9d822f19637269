// Turns plans into tokens with a model on this machine's processor: moves blocks, computes rows,
// samples. One thread uses it, the engine's executor thread; its pool's threads help.
#pragma once

#include <memory>
#include <vector>

#include "model/kv_cache.h"
#include "model/transformer.h"
#include "serve/drafter.h"
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
    Drafter* drafter = nullptr;  // outlives this; may be null
  };
  /// `weights` and `pool` must outlive it. Throws Error when memory is refused.
  ModelExecutor(const model::Weights& weights, machine::ThreadPool& pool, const Options& options);

  void run(const Plan& plan, Result& result) override;
  /// What the last run's matrices cost.
  const model::MatrixWork& matrix_work() const { return transformer_.work(); }

  /// How long steps take here, from a few of them, before the first plan (they write into blocks):
  /// 0.2 s for 1 B parameters on two cores. Costs it does not see keep the defaults' proportions.
  TimeModel measure_time();

 private:
  void move(const Move& move);
  void gather(const Plan& plan);
  void add_hidden(const Plan& plan);
  void answer_all(const Plan& plan);

  // What answering a work needs; each of the pool's threads has its own.
  struct Hand {
    Sampler sampler;
    std::vector<Token> sequence;
    std::vector<std::uint64_t> allowed;
  };
  void answer(const Work& work, std::size_t index, std::span<const float> logits, Hand& hand,
              Result& result) const;
  bool find_allowed(const text::GrammarState& grammar, Hand& hand) const;

  model::KvCache cache_;
  std::unique_ptr<model::KvCache> host_;
  model::Transformer transformer_;
  machine::ThreadPool& pool_;
  std::size_t vocab_, width_;
  int most_rows_;
  DraftStage drafts_;
  // Of the plan under way; kept for their memory.
  std::vector<Token> tokens_;
  std::vector<Hand> hands_;
  std::vector<Result> answers_;  // of the works that emit, each a result of one
  std::vector<std::size_t> emitting_, first_row_;
  std::vector<model::Sequence> sequences_;
  std::vector<std::int32_t> wanted_, hidden_rows_;
  std::vector<float> logits_, hidden_;
};

}  // namespace aisp::serve
