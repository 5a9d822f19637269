// Membership is decided at every step: who has ended leaves, and the next in the queue takes its
// place with its whole prompt, beside the single rows of the others.
// Source: Yu et al., "Orca: A Distributed Serving System for Transformer-Based Generative Models",
// OSDI 2022 (iteration-level scheduling, selective batching).
#include "labs/ch15_disaggregated_inference/continuous_batching/problem.h"

namespace aisp::labs::ch15::continuous_batching {
namespace {

struct Running {
  std::int64_t request = -1;  // -1: the place is free
  std::int64_t computed = 0;  // tokens
};

void serve(State& state, const bench::Io& io) {
  state.steps.begin(io);
  std::vector<Running> places(static_cast<std::size_t>(state.running));
  std::int64_t next = 0, ended = 0;
  while (ended < state.shape.count()) {
    for (std::size_t place = 0; place < places.size(); ++place) {
      Running& one = places[place];
      if (one.request < 0 && next < state.shape.count()) one = {.request = next++};
      if (one.request < 0) continue;
      const recorded::Request& own = state.shape.request(one.request);
      const std::int64_t rows = one.computed == 0 ? own.prompt : 1;
      state.steps.add(one.request, one.computed, rows,
                      state.blocks(static_cast<std::int64_t>(place)));
      one.computed += rows;
      if (one.computed + 1 < own.tokens()) continue;  // the last token need not be computed
      one.request = -1;
      one.computed = 0;
      ++ended;
    }
    state.steps.forward();
  }
}

}  // namespace

bench::Technique join_each_step() {
  return {.name = "join_each_step",
          .summary = "the next request joins as soon as one has ended",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([state = std::make_shared<State>(params)](const bench::Io& io) {
              serve(*state, io);
            });
          }};
}

}  // namespace aisp::labs::ch15::continuous_batching
