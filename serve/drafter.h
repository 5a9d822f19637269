// Guesses at what a request will say next, to be checked by the model in one step. They are made by
// the executor's thread at the end of a step, for the next one, so that no step waits for the
// scheduler's thread and the next plan knows its rows. How many are wanted the scheduler decides
// (wanted_drafts): from how many were right lately, and what they cost.
// Prompt lookup: where the last few tokens stood before, what followed there follows again; right
// for quoting, code edits and retrieval, free otherwise. draft_model.h is the other kind.
// Source: Saxena, "Prompt Lookup Decoding" (2023); llama.cpp's lookup example.
#pragma once

#include <span>
#include <vector>

#include "serve/plan.h"

namespace aisp::serve {

/// A sequence that wants guesses.
struct DraftJob {
  int slot = 0;  // one request after the other has it
  int most = 0;  // guesses at most, 1 or more
  std::span<const Token> tokens;
  int prompt = 0;  // of the tokens, the prompt's
  const Request* request = nullptr;
};

class Drafter {
 public:
  virtual ~Drafter() = default;
  /// For each job in order at most `most` tokens that may follow, into `out`, which is empty. One
  /// thread calls it. Guesses may be anything: they change no answer, only how long it takes.
  virtual void propose(std::span<const DraftJob> jobs, Drafts& out) = 0;
};

class PromptLookup : public Drafter {
 public:
  struct Options {
    int longest = 4, shortest = 2;  // tokens that must agree; longer ones are preferred
    int window = 8192;              // tokens looked back: 8192 take about 2 us
  };
  PromptLookup() = default;
  explicit PromptLookup(Options options) : options_(options) {}
  void propose(std::span<const DraftJob> jobs, Drafts& out) override;
  /// At most `most` tokens, appended to an emptied `out`.
  void look_up(std::span<const Token> tokens, int most, std::vector<Token>& out) const;

 private:
  Options options_;
  std::vector<Token> found_;
};

/// The end of an executor's step: guesses at what follows the answers, where the plan wants some.
class DraftStage {
 public:
  /// `drafter` may be null: no guesses.
  explicit DraftStage(Drafter* drafter) : drafter_(drafter) {}
  void run(const Plan& plan, Result& result);
  bool guesses() const { return drafter_ != nullptr; }

 private:
  bool goes_on(const Work& work, std::span<const Token> answer) const;

  Drafter* drafter_;
  std::vector<std::vector<Token>> sequences_;  // kept for their memory
  std::vector<DraftJob> jobs_;
  std::vector<std::size_t> works_;  // of the jobs
  Drafts drafts_;
};

}  // namespace aisp::serve
