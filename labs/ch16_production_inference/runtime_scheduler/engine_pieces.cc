// The engine's scheduler: the streams' rows first, then as much of the prompt as the time of a step
// leaves, which is twice what a lone stream would take.
// Source: serve/scheduler.h; Agrawal et al., "Taming Throughput-Latency Tradeoff in LLM Inference
// with Sarathi-Serve", OSDI 2024.
#include "labs/ch16_production_inference/runtime_scheduler/problem.h"

namespace aisp::labs::ch16::runtime_scheduler {

bench::Technique engine_pieces() {
  return by_engine(
      "engine_pieces", "the engine's scheduler: the prompt in pieces beside them",
      [](const recorded::Shape& shape) { return recorded::config_of(shape, shape.count()); });
}

}  // namespace aisp::labs::ch16::runtime_scheduler
