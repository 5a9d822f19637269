// One row of logits to one token. Everything depends on the row, the request and the position alone
// (the random number comes from (seed, position)), so the token is the same in any batch and any
// order. A draft is right exactly when it is the token that sampling gives at its place:
// speculation then leaves every token as it was, whatever the drafts were.
//
// In this order: mask, bias, penalties, temperature, min-p, top-k, top-p, draw.
//   repetition: tokens of the sequence; logit / r if positive, else logit * r   (CTRL, 2019)
//   presence, frequency: generated tokens; logit - presence - frequency * count (OpenAI)
//   min-p: probability at least min_p times the largest; top-k: the k largest, the lowest ids among
//   equals; top-p: of what is left, the fewest largest whose share reaches p (Holtzman et al.,
//   2020)
// Temperature 0: the largest logit after the penalties, the lowest id among equals.
// NaN counts as impossible; a row without a possible token gives token 0.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "serve/request.h"

namespace aisp::serve {

class Sampler {
 public:
  /// Room for rows of this many logits; sampling allocates nothing.
  explicit Sampler(int vocabulary);

  struct Row {
    std::span<const float> logits;           // as many as the vocabulary
    std::span<const Token> tokens;           // the sequence so far, for the penalties
    int prompt = 0;                          // of them, tokens of the prompt
    int position = 0;                        // of the token to be chosen: names the random number
    std::span<const std::uint64_t> allowed;  // bit i: token i may come (a grammar); empty: all
  };
  /// Cost: about four passes over the row; sorting only what top-k and top-p keep.
  Token sample(const Row& row, const Sampling& sampling);

  /// The probabilities that sample() draws from, in double, written into `out` (the vocabulary).
  void probabilities(const Row& row, const Sampling& sampling, std::span<double> out);

  /// Appends the chosen token's log-probability, then the `most` likely tokens', likeliest first:
  /// 1 + most entries for a vocabulary that has so many. NaN counts as impossible: -infinity.
  void log_probs(std::span<const float> logits, Token chosen, int most, std::vector<LogProb>& out);

 private:
  struct Kept {
    float weight;
    Token token;
  };
  void prepare(const Row& row, const Sampling& sampling);
  void penalize(const Row& row, const Sampling& sampling);
  Token largest() const;
  bool weigh(const Sampling& sampling);
  void keep_largest(const Sampling& sampling);
  Token draw(double u);

  std::vector<float> logits_;  // after mask, bias, penalties; then weights in (0, 1]
  std::vector<std::int32_t> counts_;
  std::vector<Kept> kept_;  // when top-k or top-p cut: by weight, then id
  std::vector<std::int32_t> bucket_count_;
  std::vector<double> bucket_mass_, block_sums_;
};

/// Throws Error unless every setting is finite and in its range: temperature >= 0, top_k >= 0,
/// top_p in (0, 1], min_p in [0, 1], repetition > 0, |presence| and |frequency| and |bias| <= 100,
/// -1 to 20 log-probabilities and no more than tokens, bias only for tokens of the vocabulary.
void check_sampling(const Sampling& sampling, int vocabulary);

/// Uniform in [0, 1) of a request's seed and a position.
double random_of(std::uint64_t seed, int position);

}  // namespace aisp::serve
