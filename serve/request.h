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
