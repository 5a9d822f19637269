// A prompt that waits is computed first, whole and alone; the streams stand still meanwhile. The
// newcomer has its first token as early as can be.
// Source: vLLM 0.x, core/scheduler.py, _schedule_default (prefills first, never beside decodes);
// text-generation-inference, the router's queue.
#include "labs/ch16_production_inference/runtime_scheduler/problem.h"

namespace aisp::labs::ch16::runtime_scheduler {

bench::Technique prompt_first() {
  return by_rule("prompt_first", "a prompt that waits alone and whole, then the streams",
                 [](Fixed& server) {
                   const bool prompt = server.prompt_waits();
                   server.add_newcomer();
                   if (!prompt) server.add_streams();
                 });
}

}  // namespace aisp::labs::ch16::runtime_scheduler
