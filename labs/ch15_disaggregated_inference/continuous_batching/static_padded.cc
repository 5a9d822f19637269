// Batches of B requests in the order of their arrival: prompts padded to the longest one, every row
// computed until the longest answer ends, then the next batch. What generate() of transformers does
// with a list of prompts, and what servers did before Orca.
// Source: transformers, generation/utils.py, _sample (finished rows get the padding token and go
// on).
#include <algorithm>

#include "labs/ch15_disaggregated_inference/continuous_batching/problem.h"

namespace aisp::labs::ch15::continuous_batching {
namespace {

void serve_batch(State& state, std::int64_t first, std::int64_t end) {
  recorded::Steps& steps = state.steps;
  std::int64_t prompt = 0, answer = 0;
  for (std::int64_t r = first; r < end; ++r) {
    prompt = std::max(prompt, state.shape.request(r).prompt);
    answer = std::max(answer, state.shape.request(r).answer);
  }
  for (std::int64_t step = 0; step < answer; ++step) {
    for (std::int64_t r = first; r < end; ++r) {
      const recorded::Request& own = state.shape.request(r);
      const std::int64_t place = r - first, position = own.prompt + step - 1;
      if (step == 0) {
        steps.add(r, 0, own.prompt, state.blocks(place));
        if (own.prompt < prompt) {
          steps.padding(prompt - own.prompt, 0, state.blocks(state.running + place), false);
        }
      } else if (step < own.answer) {
        steps.add(r, position, 1, state.blocks(place));
      } else {
        steps.padding(1, position, state.blocks(place), true);
      }
    }
    steps.forward();
  }
}

}  // namespace

bench::Technique static_padded() {
  return in_batches("static_padded", "batches in the order of arrival, padded to their longest",
                    serve_batch);
}

}  // namespace aisp::labs::ch15::continuous_batching
