// What the scheduler's own part of a step costs: step() and complete() under a steady load of
// streams that end and newcomers that take their place, with SimExecutor in between. Times are of
// the thread's own processor time, so a neighbour on the machine counts only by what it does to the
// caches; a sample during which the system took the processor away says so.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "serve/scheduler.h"
#include "serve/sim_executor.h"

namespace aisp::serve {

struct StepLoad {
  int running = 256;  // streams, of four tenants
  int host_blocks = 0;
  int device_blocks = 12'000;
};

/// The load: the scheduler, its executor, and requests of 32 to 288 tokens of prompt and 64 to 576
/// of answer, of which 56 or more wait at any time.
class StepWorld {
 public:
  explicit StepWorld(const StepLoad& load);

  /// Newcomers for those that ended; allocates.
  void refill();
  const Plan& plan() { return step(state, now_s); }
  void run(const Plan& plan) { executor.run(plan, result); }
  void take();  // the result

  State state;
  SimExecutor executor;
  Result result;
  double now_s = 0.0;

 private:
  Rng rng_{1};
  std::uint64_t last_id_ = 0;
};

struct StepSample {
  float cpu_us = 0.0F;    // of step() and complete()
  bool switched = false;  // the system gave the processor to somebody else meanwhile
  std::int16_t started = 0, prompts = 0, ended = 0;
  std::int32_t evicted = 0;
};

/// `steps` samples once all streams run. `sweep_bytes` are read before and after the
/// plan is run, as a step of a model would read its weights: then the scheduler finds its own data
/// in memory only.
std::vector<StepSample> measure_steps(const StepLoad& load, int steps, std::int64_t sweep_bytes);

}  // namespace aisp::serve
