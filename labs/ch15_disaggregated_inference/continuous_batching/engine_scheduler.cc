// The engine's own scheduler (serve/scheduler.h) on the same model: requests join each step, their
// prompts cut into pieces that fit beside the running rows within the time limit of a step, blocks
// taken from a pool as they are needed. Prefixes are not shared: nothing may be left for the next
// call.
#include "labs/ch15_disaggregated_inference/continuous_batching/problem.h"
#include "recorded/server.h"

namespace aisp::labs::ch15::continuous_batching {

bench::Technique engine_scheduler() {
  return {.name = "engine_scheduler",
          .summary = "the engine's scheduler: joining each step, prompts in pieces",
          .plan = [](const bench::Params& params) {
            auto state = std::make_shared<State>(params);
            const auto config = recorded::config_of(state->shape, state->running);
            return bench::plan_of([state, config](const bench::Io& io) {
              state->steps.begin(io);
              recorded::Server server(state->steps, config);
              for (std::int64_t r = 0; r < state->shape.count(); ++r) server.submit(r);
              while (server.step()) {
              }
            });
          }};
}

}  // namespace aisp::labs::ch15::continuous_batching
