// Generation without a cache: each step computes the whole sequence again and uses its last row
// (use_cache=False of transformers' generate). The blocks are scratch.
#include "labs/ch15_disaggregated_inference/kv_cache_management/problem.h"

namespace aisp::labs::ch15::kv_cache_management {

bench::Technique recompute() {
  return {.name = "recompute",
          .summary = "the whole sequence again at each step",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(shape, shape.count() * shape.blocks(),
                                                 shape.count() * shape.longest);
            return bench::plan_of([state](const bench::Io& io) {
              const Shape& at = state->shape;
              recorded::Steps& steps = state->steps;
              steps.begin(io);
              for (std::int64_t step = 0; step < at.steps; ++step) {
                for (std::int64_t r = 0; r < at.count(); ++r) {
                  steps.add(r, 0, at.prompt + step, steps.place(r, at.blocks()));
                }
                steps.forward();
              }
            });
          }};
}

}  // namespace aisp::labs::ch15::kv_cache_management
