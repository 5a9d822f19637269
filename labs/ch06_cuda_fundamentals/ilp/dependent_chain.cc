// The plain double loop: one chain, then the next. Each step waits for the multiply (3 cycles) and
// the addition (3) before it; out-of-order execution reaches a few hundred instructions ahead,
// which is about one chain.
#include "labs/ch06_cuda_fundamentals/ilp/problem.h"

namespace aisp::labs::ch06::ilp {

void square_map_from(const Chains& work, std::int64_t first) {
  for (std::int64_t i = first; i < work.chains; ++i) {
    float value = work.start[i];
    const float c = work.step[i];
    for (std::int64_t s = 0; s < work.steps; ++s) value = value * value + c;
    work.y[i] = value;
  }
}

void scores_from(const Chains& work, std::int64_t first) {
  for (std::int64_t i = first; i < work.chains; ++i) {
    const float* key = work.step + i * work.steps;
    float sum = 0.0f;
    for (std::int64_t d = 0; d < work.steps; ++d) sum += work.start[d] * key[d];
    work.y[i] = sum;
  }
}

bench::Technique dependent_chain() {
  return {.name = "dependent_chain",
          .summary = "one chain after another, each step waiting for the last",
          .plan = [](const bench::Params& params) {
            return plan_chains(
                params, [](const Chains& work) { square_map_from(work, 0); },
                [](const Chains& work) { scores_from(work, 0); });
          }};
}

}  // namespace aisp::labs::ch06::ilp
