// See draft_model.h.
#include "serve/draft_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "base/error.h"
#include "model/tokenizer_of.h"

namespace aisp::serve {
namespace {

// Rows of a pass. A long prompt is read over several steps, 0.3 s each at 0.5 B parameters.
constexpr int kMostRows = 256;
constexpr int kMeasuredRows = 16, kMeasuredSteps = 3;

// The pieces must be the same: a guess is a number, and means what the other model means by it.
void check_vocabulary(const text::Tokenizer& own, const text::Tokenizer& other,
                      const std::string& path) {
  const char* const remedy = "take a smaller model of the same family";
  if (own.size() != other.size()) {
    throw Error(
        fmt::format("its vocabulary has {} pieces, that of the model {}", own.size(), other.size()),
        path, remedy);
  }
  for (std::int32_t id = 0; id < own.size(); ++id) {
    if (own.piece(id) == other.piece(id) && own.type(id) == other.type(id)) continue;
    throw Error(fmt::format("piece {} of its vocabulary is not that of the model", id), path,
                remedy);
  }
}

}  // namespace

DraftModel::DraftModel(const model::Weights& weights, machine::ThreadPool& pool,
                       const Options& options)
    : config_(weights.config()),
      cache_(config_, options.kv_type, options.blocks),
      transformer_(weights, cache_, pool, kMostRows),
      sampler_(static_cast<int>(options.vocab)),
      vocab_(static_cast<std::size_t>(config_.vocab)),
      blocks_(options.blocks),
      sequences_(static_cast<std::size_t>(options.slots)),
      row_(static_cast<std::size_t>(options.vocab)) {}

DraftModel::Cost DraftModel::measure() {
  const auto seconds = [&](int rows) {
    double least = 1e9;
    for (int i = 0; i < kMeasuredSteps; ++i) {
      tokens_.clear(), rows_.clear(), wanted_.clear();
      Sequence& some = sequences_[0];
      cut(some, 0);
      const std::vector<Token> zeros(static_cast<std::size_t>(rows), 0);
      if (!add_rows(some, zeros)) return 0.0;
      wanted_.push_back(rows - 1);
      const auto begin = std::chrono::steady_clock::now();
      forward();
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
      least = std::min(least, taken.count());
    }
    cut(sequences_[0], 0);
    return least;
  };
  const double one_s = seconds(1), many_s = seconds(kMeasuredRows);
  const double row_s = std::max(1e-9, (many_s - one_s) / (kMeasuredRows - 1));
  return {.step_s = std::max(1e-9, one_s - row_s), .row_s = row_s};
}

// Forgets what was read from there on.
void DraftModel::cut(Sequence& sequence, std::size_t tokens) {
  sequence.tokens.resize(std::min(tokens, sequence.tokens.size()));
  const auto width = static_cast<std::size_t>(model::kBlockTokens);
  while (sequence.blocks.size() * width >= sequence.tokens.size() + width) {
    blocks_.drop(sequence.blocks.back());
    sequence.blocks.pop_back();
  }
}

bool DraftModel::make_room(Sequence& sequence, std::size_t tokens) {
  const auto width = static_cast<std::size_t>(model::kBlockTokens);
  while (sequence.blocks.size() * width < tokens) {
    const BlockId block = blocks_.take();
    if (block != kNoBlock) {
      sequence.blocks.push_back(block);
      continue;
    }
    Sequence* oldest = nullptr;
    for (Sequence& other : sequences_) {
      if (other.blocks.empty() || other.used == turn_) continue;
      if (oldest == nullptr || other.used < oldest->used) oldest = &other;
    }
    if (oldest == nullptr) return false;
    cut(*oldest, 0);
  }
  return true;
}

// Rows of the next pass. False, and none is added, when memory is short.
bool DraftModel::add_rows(Sequence& sequence, std::span<const Token> tokens) {
  const std::size_t known = sequence.tokens.size();
  if (!make_room(sequence, known + tokens.size())) return false;
  rows_.push_back({.first_row = static_cast<std::int64_t>(tokens_.size()),
                   .rows = static_cast<std::int64_t>(tokens.size()),
                   .context = static_cast<std::int64_t>(known),
                   .blocks = sequence.blocks});
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  sequence.tokens.insert(sequence.tokens.end(), tokens.begin(), tokens.end());
  return true;
}

void DraftModel::forward() {
  logits_.resize(wanted_.size() * vocab_);
  transformer_.forward({.tokens = tokens_, .sequences = rows_, .logits_of = wanted_}, logits_);
}

// The first pass: what came since the last time. Who is far behind goes on reading next time.
void DraftModel::read_known(std::span<const DraftJob> jobs) {
  tokens_.clear(), rows_.clear(), wanted_.clear();
  ++turn_;
  for (const DraftJob& job : jobs) sequences_[static_cast<std::size_t>(job.slot)].used = turn_;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const DraftJob& job = jobs[i];
    Live& live = live_[i];
    live = {.sequence = nullptr, .job = &job, .drafts = std::move(live.drafts)};
    live.drafts.clear();
    const auto end = static_cast<std::int64_t>(job.tokens.size()) + job.most;
    if (end > config_.context) continue;
    const auto foreign = [&](Token token) { return static_cast<std::size_t>(token) >= vocab_; };
    Sequence& sequence = sequences_[static_cast<std::size_t>(job.slot)];
    const auto differ = std::ranges::mismatch(sequence.tokens, job.tokens);
    // The last token is read again if need be: its logits are wanted.
    cut(sequence, std::min<std::size_t>(static_cast<std::size_t>(differ.in2 - job.tokens.begin()),
                                        job.tokens.size() - 1));
    const std::size_t from = sequence.tokens.size();
    const std::size_t rows = std::min(job.tokens.size() - from, kMostRows - tokens_.size());
    const std::span<const Token> next = job.tokens.subspan(from, rows);
    if (rows == 0 || std::ranges::any_of(next, foreign) || !add_rows(sequence, next)) continue;
    if (from + rows < job.tokens.size()) continue;
    live.sequence = &sequence;
    wanted_.push_back(static_cast<std::int32_t>(tokens_.size()) - 1);
  }
  if (!tokens_.empty()) forward();
}

Token DraftModel::next_token(const Live& live, std::size_t row) {
  const std::span<const float> logits = std::span<const float>(logits_).subspan(row * vocab_);
  const std::size_t shared = std::min(vocab_, row_.size());
  std::ranges::copy(logits.first(shared), row_.begin());
  std::fill(row_.begin() + static_cast<std::ptrdiff_t>(shared), row_.end(),
            -std::numeric_limits<float>::infinity());
  return sampler_.sample({.logits = row_,
                          .tokens = live.sequence->tokens,
                          .prompt = live.job->prompt,
                          .position = static_cast<int>(live.sequence->tokens.size()),
                          .allowed = {}},
                         live.job->request->sampling);
}

// A pass for each further guess.
void DraftModel::go_on() {
  for (bool more = !wanted_.empty(); more;) {
    std::size_t row = 0;
    for (Live& live : live_) {
      if (live.sequence != nullptr) live.drafts.push_back(next_token(live, row++));
    }
    tokens_.clear(), rows_.clear(), wanted_.clear();
    for (Live& live : live_) {
      if (live.sequence == nullptr) continue;
      const std::span<const Token> last = std::span<const Token>(live.drafts).last(1);
      if (static_cast<int>(live.drafts.size()) < live.job->most && add_rows(*live.sequence, last)) {
        wanted_.push_back(static_cast<std::int32_t>(tokens_.size()) - 1);
      } else {
        live.sequence = nullptr;
      }
    }
    more = !wanted_.empty();
    if (more) forward();
  }
}

void DraftModel::forget() {
  for (Sequence& sequence : sequences_) cut(sequence, 0);
}

void DraftModel::propose(std::span<const DraftJob> jobs, Drafts& out) {
  live_.resize(jobs.size());
  read_known(jobs);
  go_on();
  for (const Live& live : live_) {
    out.tokens.insert(out.tokens.end(), live.drafts.begin(), live.drafts.end());
    out.close();
  }
}

DraftFile::DraftFile(const std::string& path, bool packed_cache, const text::Tokenizer& tokenizer,
                     machine::ThreadPool& pool, const DraftModel::Options& options)
    : file_(model::open_model(path)) {
  const text::Tokenizer own(model::tokenizer_of(file_), file_.path());
  check_vocabulary(own, tokenizer, file_.path());
  const model::ModelConfig config = model::config_of(file_);
  const model::ModelTensors tensors = model::find_tensors(file_, config);
  weights_ =
      std::make_unique<model::Weights>(tensors, config, pool, packed_cache ? &file_ : nullptr);
  drafter_ = std::make_unique<DraftModel>(*weights_, pool, options);
  cost_ = drafter_->measure();
}

void DraftFile::add_cost(TimeModel& time) const {
  time.draft_step_s = cost_.step_s;
  time.draft_row_s = cost_.row_s;
}

}  // namespace aisp::serve
