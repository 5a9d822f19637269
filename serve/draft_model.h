// Guesses from a smaller model of the same vocabulary: it reads what is known and goes on by
// itself, with the request's own settings and random numbers, so that where the two models agree,
// they say the same token. It keeps its own keys and values: for each slot the tokens that it has
// read, which the next request there goes on with as far as they are the same; the sequence asked
// for longest ago gives its blocks up when there are none. All requests of a step share its passes.
// Source: Leviathan et al., "Fast Inference from Transformers via Speculative Decoding" (2023).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/kv_cache.h"
#include "model/tensor_file.h"
#include "model/transformer.h"
#include "serve/block_pool.h"
#include "serve/drafter.h"
#include "serve/sampler.h"
#include "text/tokenizer.h"

namespace aisp::serve {

class DraftModel : public Drafter {
 public:
  struct Options {
    model::KvType kv_type = model::KvType::kBF16;
    int blocks = 0;  // of model::kBlockTokens tokens
    int slots = 0;
    std::int64_t vocab = 0;  // logits of the model it drafts for
  };
  /// `weights` and `pool` must outlive it. Throws Error when memory is refused.
  DraftModel(const model::Weights& weights, machine::ThreadPool& pool, const Options& options);

  void propose(std::span<const DraftJob> jobs, Drafts& out) override;

  /// As if it had read nothing. For measuring.
  void forget();

  /// What its passes cost here: a second at most.
  struct Cost {
    double step_s = 0.0;  // of a pass without rows
    double row_s = 0.0;   // of each row more
  };
  Cost measure();

 private:
  struct Sequence {
    std::vector<Token> tokens;  // whose keys and values are there
    std::vector<BlockId> blocks;
    std::uint64_t used = 0;
  };
  struct Live {
    Sequence* sequence;
    const DraftJob* job;
    std::vector<Token> drafts;
  };

  void cut(Sequence& sequence, std::size_t tokens);
  bool make_room(Sequence& sequence, std::size_t tokens);
  bool add_rows(Sequence& sequence, std::span<const Token> tokens);
  void read_known(std::span<const DraftJob> jobs);
  void go_on();
  void forward();
  Token next_token(const Live& live, std::size_t row);

  const model::ModelConfig& config_;
  model::KvCache cache_;
  model::Transformer transformer_;
  Sampler sampler_;
  std::size_t vocab_;  // its own logits
  BlockPool blocks_;
  std::vector<Sequence> sequences_;  // by slot
  std::uint64_t turn_ = 0;
  // Of the step under way; kept for their memory.
  std::vector<Live> live_;  // by job; `sequence` is null where there is nothing to guess
  std::vector<Token> tokens_;
  std::vector<model::Sequence> rows_;
  std::vector<std::int32_t> wanted_;
  std::vector<float> logits_, row_;
};

/// A draft model from a file, with what it costs.
class DraftFile {
 public:
  /// `tokenizer` is that of the model it drafts for; `packed_cache` as LoadOptions::packed_cache.
  /// Throws Error: the file is none or is damaged, its vocabulary is another, memory is refused.
  DraftFile(const std::string& path, bool packed_cache, const text::Tokenizer& tokenizer,
            machine::ThreadPool& pool, const DraftModel::Options& options);
  DraftModel& drafter() { return *drafter_; }
  /// Says in `time` what its guesses cost.
  void add_cost(TimeModel& time) const;

 private:
  model::TensorFile file_;
  std::unique_ptr<model::Weights> weights_;
  std::unique_ptr<DraftModel> drafter_;
  DraftModel::Cost cost_;
};

}  // namespace aisp::serve
