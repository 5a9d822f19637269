// One request alone through the real scheduler and an executor, on the caller's thread: what the
// engine does with it, step by step, without its threads. For measuring drafts and for labs.
#pragma once

#include <vector>

#include "serve/executor.h"
#include "serve/scheduler.h"

namespace aisp::serve {

struct SoloRun {
  std::vector<Token> tokens;                // of the answer
  double prompt_s = 0.0, answer_s = 0.0;    // to the first token, and from it to the last
  double steps_s = 0.0;                     // of the answer, by the executor's own clock
  std::uint64_t drafted = 0, accepted = 0;  // guesses
  double tokens_per_s() const {             // behind the first
    return static_cast<double>(tokens.size() - 1) / answer_s;
  }
};

/// `state` is idle, and stays as it is afterwards: what it has learnt of guesses and times serves
/// the next run. `request` needs room in it, else check() fails.
SoloRun run_alone(Executor& executor, State& state, Request request);

}  // namespace aisp::serve
