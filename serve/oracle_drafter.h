// Guesses from somebody who knows the answer, spoilt by chance: the drafter of a set acceptance.
// What speculation is worth depends on how often guesses are right; here that is a setting, so that
// the engine's part can be measured against the arithmetic bound, whatever text and model are.
#pragma once

#include <vector>

#include "serve/drafter.h"

namespace aisp::serve {

class OracleDrafter : public Drafter {
 public:
  /// `answer`: what plain decoding says to the one prompt that will be asked. Each of its tokens is
  /// guessed rightly with probability `acceptance`, which (seed, position) alone decide.
  OracleDrafter(std::vector<Token> answer, double acceptance, std::uint64_t seed)
      : answer_(std::move(answer)), acceptance_(acceptance), seed_(seed) {}

  void propose(std::span<const DraftJob> jobs, Drafts& out) override;

 private:
  std::vector<Token> answer_;
  double acceptance_;
  std::uint64_t seed_;
};

/// Tokens that a step brings when it has `guesses`, each right with probability `acceptance`
/// independently: 1 + p + p^2 ... p^guesses. Source: Leviathan et al. (2023), equation 1.
double expected_tokens(double acceptance, int guesses);

}  // namespace aisp::serve
