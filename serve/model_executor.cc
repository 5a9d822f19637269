// See model_executor.h.
#include "serve/model_executor.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/error.h"
#include "text/grammar.h"

namespace aisp::serve {
namespace {

constexpr std::int32_t kMeasuredRows = 64;
constexpr int kMeasuredSteps = 3;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

ModelExecutor::ModelExecutor(const model::Weights& weights, machine::ThreadPool& pool,
                             const Options& options)
    : cache_(weights.config(), options.kv_type, options.device_blocks),
      host_(options.host_blocks > 0 ? std::make_unique<model::KvCache>(
                                          weights.config(), options.kv_type, options.host_blocks)
                                    : nullptr),
      transformer_(weights, cache_, pool, options.max_rows),
      sampler_(static_cast<int>(weights.config().vocab)),
      vocab_(static_cast<std::size_t>(weights.config().vocab)),
      most_rows_(options.max_rows) {}

void ModelExecutor::move(const Move& move) {
  check(move.kind == Move::Kind::kCopy || host_ != nullptr, "a move to the host needs its blocks");
  const auto from =
      move.kind == Move::Kind::kFromHost ? host_->block(move.from) : cache_.block(move.from);
  const auto to = move.kind == Move::Kind::kToHost ? host_->block(move.to) : cache_.block(move.to);
  std::ranges::copy(from, to.begin());
}

void ModelExecutor::gather(const Plan& plan) {
  tokens_.clear();
  sequences_.clear();
  wanted_.clear();
  for (const Work& work : plan.work) {
    const auto first_row = static_cast<std::int32_t>(tokens_.size());
    const std::span<const Token> known = work.tokens.subspan(static_cast<std::size_t>(work.first),
                                                             static_cast<std::size_t>(work.known));
    tokens_.insert(tokens_.end(), known.begin(), known.end());
    tokens_.insert(tokens_.end(), work.drafts.begin(), work.drafts.end());
    sequences_.push_back({.first_row = first_row,
                          .rows = work.rows(),
                          .context = work.first,
                          .blocks = work.blocks});
    for (int row = work.known - 1; work.emits && row < work.rows(); ++row) {
      wanted_.push_back(first_row + row);
    }
  }
}

// False: no token fits.
bool ModelExecutor::find_allowed(const text::GrammarState& grammar) {
  // A model may have more rows than its tokenizer has pieces: those are never allowed.
  allowed_.assign((vocab_ + 63) / 64, 0);
  const std::size_t words = grammar.mask_words();
  check(words <= allowed_.size(), "the grammar is over the model's vocabulary");
  grammar.mask(std::span(allowed_).first(words));
  return std::ranges::any_of(allowed_, [](std::uint64_t word) { return word != 0; });
}

// A row counts while every draft before it is what sampling gives; the rest is not looked at.
void ModelExecutor::answer(const Work& work, std::span<const float> logits, Result& result) {
  const Sampling& sampling = work.request->sampling;
  const std::size_t index = result.begin.size() - 1;
  sequence_.assign(work.tokens.begin(), work.tokens.begin() + work.first + work.known);
  allowed_.clear();
  for (std::size_t i = 0;; ++i) {
    if (work.grammar != nullptr && !find_allowed(*work.grammar)) {
      const bool whole = work.grammar->complete();
      result.endings.push_back({index, whole ? Finish::kStop : Finish::kGrammar,
                                whole ? "" : "no token of the vocabulary fits the grammar"});
      return;
    }
    const std::span<const float> row = logits.subspan(i * vocab_, vocab_);
    const Token token = sampler_.sample({.logits = row,
                                         .tokens = sequence_,
                                         .prompt = work.prompt,
                                         .position = static_cast<int>(sequence_.size()),
                                         .allowed = allowed_},
                                        sampling);
    if (work.grammar != nullptr && !work.grammar->advance(token)) {
      result.endings.push_back({index, Finish::kGrammar, "the model finds no fitting token"});
      return;
    }
    result.tokens.push_back(token);
    if (sampling.logprobs >= 0) {
      sampler_.log_probs(row, token, sampling.logprobs, result.logprobs);
    }
    if (i == work.drafts.size() || work.drafts[i] != token) return;
    sequence_.push_back(token);
  }
}

TimeModel ModelExecutor::measure_time() {
  const auto most = static_cast<std::int32_t>(
      std::min<std::int64_t>({cache_.blocks() * model::kBlockTokens, most_rows_, kMeasuredRows}));
  std::vector<BlockId> blocks;
  for (BlockId id = 0; id * model::kBlockTokens < most; ++id) blocks.push_back(id);
  // The least of some runs: what else the machine does only adds.
  const auto step_s = [&](std::int32_t rows) {
    double least = 1e9;
    tokens_.assign(static_cast<std::size_t>(rows), 0);
    sequences_.assign(1, {.first_row = 0, .rows = rows, .context = 0, .blocks = blocks});
    wanted_.assign(1, rows - 1);
    logits_.resize(vocab_);
    for (int i = 0; i < kMeasuredSteps; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      transformer_.forward({.tokens = tokens_, .sequences = sequences_, .logits_of = wanted_},
                           logits_);
      least = std::min(least, seconds_since(begin));
    }
    return least;
  };
  TimeModel time;
  const double one_s = step_s(1), many_s = step_s(most);
  const double before_s = time.step_s;
  time.prompt_token_s = std::max(1e-9, (many_s - one_s) / std::max(1, most - 1));
  time.step_s = std::max(1e-6, one_s - time.prompt_token_s);
  // A decode row multiplies as a prompt's row does, wants logits, and shares no read of the
  // context.
  time.decode_row_s = time.prompt_token_s;
  time.context_token_s *= time.step_s / before_s;
  time.moved_block_s *= time.step_s / before_s;
  return time;
}

void ModelExecutor::run(const Plan& plan, Result& result) {
  const auto begin = std::chrono::steady_clock::now();
  for (const Move& each : plan.moves) move(each);
  gather(plan);
  logits_.resize(wanted_.size() * vocab_);
  transformer_.forward({.tokens = tokens_, .sequences = sequences_, .logits_of = wanted_}, logits_);
  result.clear();
  std::size_t at = 0;
  for (const Work& work : plan.work) {
    if (work.emits) {
      const std::size_t rows = (1 + work.drafts.size()) * vocab_;
      try {
        answer(work, std::span<const float>(logits_).subspan(at, rows), result);
      } catch (const Error& problem) {  // its grammar's: the others go on
        result.endings.push_back({result.begin.size() - 1, Finish::kGrammar, problem.what()});
      }
      at += rows;
    }
    result.close();
  }
  result.seconds = seconds_since(begin);
}

}  // namespace aisp::serve
