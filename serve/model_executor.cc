// See model_executor.h.
#include "serve/model_executor.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "base/check.h"
#include "base/error.h"
#include "text/grammar.h"

namespace aisp::serve {
namespace {

constexpr std::int32_t kMeasuredRows = 32;
constexpr std::int32_t kDraftedRows = 4;
constexpr int kMostHands = 16;
constexpr int kMeasuredSteps = 3;
constexpr double kMeasuringS = 0.06;  // then no further step of this kind

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
      pool_(pool),
      vocab_(static_cast<std::size_t>(weights.config().vocab)),
      width_(static_cast<std::size_t>(weights.config().width)),
      most_rows_(options.max_rows),
      drafts_(options.drafter) {
  // More hands than that save less than they cost memory.
  for (int i = 0; i < std::min(pool.size(), kMostHands); ++i) {
    hands_.push_back({Sampler(static_cast<int>(vocab_)), {}, {}});
  }
}

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
  hidden_rows_.clear();
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
    if (const auto& hidden = work.request->hidden) {  // what was added before a preemption stays
      for (int row = std::max(0, hidden->tokens - work.first); row < work.known; ++row) {
        hidden_rows_.push_back(first_row + row);
      }
      continue;
    }
    for (int row = work.known - 1; work.emits && row < work.rows(); ++row) {
      wanted_.push_back(first_row + row);
    }
  }
}

// In the order in which gather() named the rows.
void ModelExecutor::add_hidden(const Plan& plan) {
  const float* row = hidden_.data();
  for (const Work& work : plan.work) {
    HiddenSum* const hidden = work.request->hidden.get();
    if (hidden == nullptr) continue;
    for (; hidden->tokens < work.first + work.known; ++hidden->tokens) {
      for (double& sum : hidden->sum) sum += static_cast<double>(*row++);
    }
  }
}

// False: no token fits.
bool ModelExecutor::find_allowed(const text::GrammarState& grammar, Hand& hand) const {
  // A model may have more rows than its tokenizer has pieces: those are never allowed.
  hand.allowed.assign((vocab_ + 63) / 64, 0);
  const std::size_t words = grammar.mask_words();
  check(words <= hand.allowed.size(), "the grammar is over the model's vocabulary");
  grammar.mask(std::span(hand.allowed).first(words));
  return std::ranges::any_of(hand.allowed, [](std::uint64_t word) { return word != 0; });
}

// A row counts while every draft before it is what sampling gives; the rest is not looked at.
void ModelExecutor::answer(const Work& work, std::size_t index, std::span<const float> logits,
                           Hand& hand, Result& result) const {
  const Sampling& sampling = work.request->sampling;
  std::span<const Token> sequence =
      work.tokens.first(static_cast<std::size_t>(work.first + work.known));
  if (!work.drafts.empty()) hand.sequence.assign(sequence.begin(), sequence.end());
  hand.allowed.clear();
  for (std::size_t i = 0;; ++i) {
    if (work.grammar != nullptr && !find_allowed(*work.grammar, hand)) {
      const bool whole = work.grammar->complete();
      result.endings.push_back({index, whole ? Finish::kStop : Finish::kGrammar,
                                whole ? "" : "no token of the vocabulary fits the grammar"});
      return;
    }
    const std::span<const float> row = logits.subspan(i * vocab_, vocab_);
    const Token token = hand.sampler.sample({.logits = row,
                                             .tokens = sequence,
                                             .prompt = work.prompt,
                                             .position = static_cast<int>(sequence.size()),
                                             .allowed = hand.allowed},
                                            sampling);
    if (work.grammar != nullptr && !work.grammar->advance(token)) {
      result.endings.push_back({index, Finish::kGrammar, "the model finds no fitting token"});
      return;
    }
    result.tokens.push_back(token);
    if (sampling.logprobs >= 0) {
      hand.sampler.log_probs(row, token, sampling.logprobs, result.logprobs);
    }
    if (i == work.drafts.size() || work.drafts[i] != token) return;
    hand.sequence.push_back(token);
    sequence = hand.sequence;
  }
}

// Rows of a large vocabulary are half a millisecond of work each: the pool's threads take one work
// after the other. Grammars of one kind share what they remember, so those works stay on this
// thread.
void ModelExecutor::answer_all(const Plan& plan) {
  emitting_.clear();
  first_row_.clear();
  std::size_t row = 0;
  for (std::size_t i = 0; i < plan.work.size(); ++i) {
    if (!plan.work[i].emits || plan.work[i].request->hidden != nullptr) continue;
    emitting_.push_back(i);
    first_row_.push_back(row);
    row += 1 + plan.work[i].drafts.size();
  }
  if (answers_.size() < emitting_.size()) answers_.resize(emitting_.size());
  const auto take = [&](std::size_t i, Hand& hand) {
    const Work& work = plan.work[emitting_[i]];
    const std::size_t rows = 1 + work.drafts.size();
    answers_[i].clear();
    try {
      answer(work, emitting_[i],
             std::span<const float>(logits_).subspan(first_row_[i] * vocab_, rows * vocab_), hand,
             answers_[i]);
    } catch (const Error& problem) {  // its grammar's: the others go on
      answers_[i].endings.push_back({emitting_[i], Finish::kGrammar, problem.problem()});
    }
  };
  std::atomic<std::size_t> next = 0;
  const auto take_free = [&](int worker) {
    if (worker >= static_cast<int>(hands_.size())) return;
    for (std::size_t i = next++; i < emitting_.size(); i = next++) {
      if (plan.work[emitting_[i]].grammar != nullptr) continue;
      take(i, hands_[static_cast<std::size_t>(worker)]);
    }
  };
  if (emitting_.size() > 1) {
    pool_.run(take_free);
  } else {
    take_free(0);
  }
  for (std::size_t i = 0; i < emitting_.size(); ++i) {
    if (plan.work[emitting_[i]].grammar != nullptr) take(i, hands_.front());
  }
}

TimeModel ModelExecutor::measure_time() {
  const auto most = static_cast<std::int32_t>(
      std::min<std::int64_t>({cache_.blocks() * model::kBlockTokens, most_rows_, kMeasuredRows}));
  std::vector<BlockId> blocks;
  for (BlockId id = 0; id * model::kBlockTokens < most; ++id) blocks.push_back(id);
  // The least of some runs: what else the machine does only adds.
  const auto step_s = [&](std::int32_t rows) {
    double least = 1e9, all = 0.0;
    tokens_.assign(static_cast<std::size_t>(rows), 0);
    sequences_.assign(1, {.first_row = 0, .rows = rows, .context = 0, .blocks = blocks});
    wanted_.assign(1, rows - 1);
    logits_.resize(vocab_);
    for (int i = 0; i < kMeasuredSteps && all < kMeasuringS; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      transformer_.forward({.tokens = tokens_, .sequences = sequences_, .logits_of = wanted_},
                           logits_);
      const double seconds = seconds_since(begin);
      least = std::min(least, seconds);
      all += seconds;
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
  if (drafts_.guesses() && most >= kDraftedRows) {
    // A few rows cost more each than many do, and drafts are a few.
    time.decode_row_s =
        std::max(time.decode_row_s, (step_s(kDraftedRows) - one_s) / (kDraftedRows - 1));
  }
  time.context_token_s *= time.step_s / before_s;
  time.moved_block_s *= time.step_s / before_s;
  return time;
}

void ModelExecutor::run(const Plan& plan, Result& result) {
  const auto begin = std::chrono::steady_clock::now();
  for (const Move& each : plan.moves) move(each);
  gather(plan);
  logits_.resize(wanted_.size() * vocab_);
  hidden_.resize(hidden_rows_.size() * width_);
  transformer_.forward(
      {.tokens = tokens_, .sequences = sequences_, .logits_of = wanted_, .hidden_of = hidden_rows_},
      logits_, hidden_);
  add_hidden(plan);
  result.clear();
  answer_all(plan);
  std::size_t next = 0;
  for (std::size_t i = 0; i < plan.work.size(); ++i) {
    const Work& work = plan.work[i];
    if (work.emits && work.request->hidden != nullptr) {
      result.endings.push_back({i, Finish::kStop, ""});
    } else if (work.emits) {
      result.append(answers_[next++]);
    }
    result.close();
  }
  drafts_.run(plan, result);
  result.seconds = seconds_since(begin);
}

}  // namespace aisp::serve
