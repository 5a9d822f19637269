// What the scheduler's thread and the executor's thread exchange: a Plan says which rows to compute
// in which blocks, a Result says which tokens came out. The spans of a plan point into the
// scheduler's state, which stands still in these parts until the result is back (see scheduler.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "serve/request.h"
#include "serve/time_model.h"

namespace aisp::text {
class GrammarState;
}

namespace aisp::serve {

/// Moves of block contents. They happen in the order of the list, before any row.
struct Move {
  enum class Kind : std::uint8_t { kCopy, kToHost, kFromHost } kind;
  BlockId from, to;
};

/// Rows of one sequence: the tokens at positions [first, first + known), then the drafts. A row
/// writes its keys and values at its position and attends to all positions up to it.
struct Work {
  int slot = 0;
  int first = 0;
  int known = 0;
  std::span<const Token> drafts;
  /// The last known row reaches the end of the sequence: its logits and those of the drafts are
  /// wanted, and 1 + (accepted drafts) tokens come out. Otherwise nothing does.
  bool emits = false;
  int next_drafts = 0;               // guesses wanted at what follows the answer, for the next step
  bool decode = false;               // a running stream's next token, not a part of a prompt
  std::span<const Token> tokens;     // the whole sequence, first + known of them or more
  std::span<const BlockId> blocks;   // block i holds positions [i, i + 1) * block_tokens
  const Request* request = nullptr;  // its sampling; its prompt is in `tokens`
  int prompt = 0;                    // of the tokens, the prompt's
  /// Where the answer so far is in its grammar; null: free text. The executor goes on with each
  /// token that it answers.
  text::GrammarState* grammar = nullptr;
  int rows() const { return known + static_cast<int>(drafts.size()); }
};

struct Plan {
  std::uint64_t number = 0;
  std::vector<Move> moves;
  std::vector<Work> work;  // decode rows first
  int rows = 0;
  StepWork cost;
  double predicted_s = 0.0;
  bool empty() const { return work.empty() && moves.empty(); }
};

/// Lists of guesses: list i is tokens[begin[i], begin[i + 1]).
struct Drafts {
  std::vector<Token> tokens;
  std::vector<std::int32_t> begin;
  void clear() {
    tokens.clear();
    begin.assign(1, 0);
  }
  void close() { begin.push_back(static_cast<std::int32_t>(tokens.size())); }
  /// Empty for a list that is not there.
  std::span<const Token> of(std::size_t i) const {
    if (i + 1 >= begin.size()) return {};
    return {tokens.data() + begin[i], static_cast<std::size_t>(begin[i + 1] - begin[i])};
  }
};

/// The executor ends a request: for what cannot be seen in its tokens.
struct Ending {
  std::size_t work = 0;
  Finish finish = Finish::kStop;
  std::string problem;  // in words, when it ends badly
};

/// Answers in the order of Plan::work.
struct Result {
  std::vector<Token> tokens;      // answer i: [begin[i], begin[i + 1])
  std::vector<LogProb> logprobs;  // Sampling::logprob_entries() for each token of an answer
  std::vector<std::int32_t> begin, logprobs_begin;
  std::vector<Ending> endings;  // by their work
  Drafts drafts;                // at what follows each answer; none when nobody guesses
  double seconds = 0.0;
  void clear() {
    tokens.clear();
    logprobs.clear();
    begin.assign(1, 0);
    logprobs_begin.assign(1, 0);
    endings.clear();
    drafts.clear();
  }
  /// More of the answer of the work under way.
  void append(const Result& part) {
    tokens.insert(tokens.end(), part.tokens.begin(), part.tokens.end());
    logprobs.insert(logprobs.end(), part.logprobs.begin(), part.logprobs.end());
    endings.insert(endings.end(), part.endings.begin(), part.endings.end());
  }
  /// Ends the answer of one work.
  void close() {
    begin.push_back(static_cast<std::int32_t>(tokens.size()));
    logprobs_begin.push_back(static_cast<std::int32_t>(logprobs.size()));
  }
  std::span<const Token> answer(std::size_t i) const {
    return {tokens.data() + begin[i], static_cast<std::size_t>(begin[i + 1] - begin[i])};
  }
  std::span<const LogProb> logprobs_of(std::size_t i) const {
    return {logprobs.data() + logprobs_begin[i],
            static_cast<std::size_t>(logprobs_begin[i + 1] - logprobs_begin[i])};
  }
};

}  // namespace aisp::serve
