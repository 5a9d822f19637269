// The engine's scheduler with steps four times as long as its own limit: larger pieces, so that the
// newcomer waits less and each token of the streams a little longer.
// Source: serve/scheduler.h (Config::step_limit_s).
#include "labs/ch16_production_inference/runtime_scheduler/problem.h"

namespace aisp::labs::ch16::runtime_scheduler {

serve::Config longer_steps(const recorded::Shape& shape) {
  serve::Config config = recorded::config_of(shape, shape.count());
  config.step_limit_s = 8.0 * config.time.seconds({.decode_rows = 1});
  return config;
}

bench::Technique engine_longer_steps() {
  return by_engine("engine_longer_steps", "the same with a limit of four times as long",
                   longer_steps);
}

}  // namespace aisp::labs::ch16::runtime_scheduler
