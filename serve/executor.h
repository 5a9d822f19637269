// Who turns a plan into tokens: the model on this machine's processor (with model/), or
// SimExecutor, which needs none. The engine's executor thread owns it.
#pragma once

#include "serve/plan.h"

namespace aisp::serve {

class Executor {
 public:
  virtual ~Executor() = default;

  /// Carries out the plan's moves in order, then its rows, and answers each work in order. `result`
  /// comes back with its capacity, so that a steady state allocates nothing. result.seconds is the
  /// time it took. Errors of the world (out of memory) are thrown as Error and end the engine.
  virtual void run(const Plan& plan, Result& result) = 0;
};

}  // namespace aisp::serve
