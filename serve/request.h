// What somebody asks of the engine, and how it ends. Plain data: the network, the command line and
// the tests make it; the scheduler reads all but `sampling`, which only the sampler understands.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "serve/prefix_index.h"

namespace aisp::text {
class GrammarMatcher;
}

namespace aisp::serve {

struct LogProb {
  Token token = 0;
  float value = 0.0f;  // natural logarithm of the model's own probability, before any setting
};

/// How a row of logits becomes a token; sampler.h says in which order the steps apply.
struct Sampling {
  float temperature = 1.0f;  // 0: the largest logit
  int top_k = 0;             // 0: all
  float top_p = 1.0f;
  float min_p = 0.0f;
  float repetition = 1.0f;                  // > 1 makes tokens of the sequence less likely
  float presence = 0.0f, frequency = 0.0f;  // of generated tokens
  std::vector<std::pair<Token, float>> bias;
  std::uint64_t seed = 0;
  int logprobs = -1;  // of the chosen token and that many likely ones; -1: none
  int logprob_entries() const { return 1 + logprobs; }  // for each token
};

/// The sum over a prompt's tokens of their hidden states behind the last norm. The executor adds
/// each token once, in the order of positions, in double: so the sum's bits do not depend on how
/// the prompt was cut, what was computed beside it, or whether it was preempted in between. It is
/// the submitter's to read when the request has ended.
struct HiddenSum {
  explicit HiddenSum(std::int64_t width) : sum(static_cast<std::size_t>(width), 0.0) {}
  std::vector<double> sum;
  int tokens = 0;  // added so far: positions [0, tokens)
};

struct Request {
  std::uint64_t id = 0;  // chosen by the caller
  int tenant = 0;        // in [0, Config::tenants)
  std::uint64_t cache_domain = 0;
  std::vector<Token> prompt;
  int max_tokens = 16;
  std::vector<Token> stop_tokens;
  Sampling sampling;
  /// What the answer must look like; null: anything. Where the text is complete and nothing can
  /// follow, only an end of text fits: it should be among the stop tokens.
  std::shared_ptr<text::GrammarMatcher> grammar;
  /// Asks for the states of the prompt in place of an answer: the request ends as kStop behind its
  /// prompt, without a token; max_tokens is 1. It shares no one else's cached blocks, which hold no
  /// states.
  std::shared_ptr<HiddenSum> hidden;
  /// Priority: how long it may wait before it goes before everything that came later. Interactive
  /// requests have a second, batches minutes; nothing waits for ever.
  double patience_s = 10.0;
  /// The time on the engine's clock after which its first token is worth nothing.
  double first_token_by_s = std::numeric_limits<double>::infinity();
};

enum class Finish : std::uint8_t {
  kStop,       // a stop token or, found by the engine, a stop string
  kLength,     // max_tokens
  kCancelled,  // by the caller
  kLate,       // its deadline passed while it waited
  kGrammar,    // its grammar cannot go on: no token fits, or it needs too much
  kFailed,     // the executor failed; see Engine
};

}  // namespace aisp::serve
