// Guesses at what a request will say next, to be checked by the model in one step. Prompt lookup:
// where the last few tokens stood before, what followed there follows again; right for quoting,
// code edits and retrieval, free otherwise (scheduler.h decides how many guesses are worth rows).
// Source: Saxena, "Prompt Lookup Decoding" (2023); llama.cpp's lookup example.
#pragma once

#include <span>
#include <vector>

#include "serve/prefix_index.h"

namespace aisp::serve {

class Drafter {
 public:
  virtual ~Drafter() = default;
  /// At most `most` tokens that may follow `tokens`, appended to an emptied `out`.
  virtual void propose(std::span<const Token> tokens, int most, std::vector<Token>& out) = 0;
};

class PromptLookup : public Drafter {
 public:
  struct Options {
    int longest = 4, shortest = 2;  // tokens that must agree; longer ones are preferred
    int window = 8192;              // tokens looked back: 8192 take about 2 us
  };
  PromptLookup() = default;
  explicit PromptLookup(Options options) : options_(options) {}
  void propose(std::span<const Token> tokens, int most, std::vector<Token>& out) override;

 private:
  Options options_;
};

}  // namespace aisp::serve
