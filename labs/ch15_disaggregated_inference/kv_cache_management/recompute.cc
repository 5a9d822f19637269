// Generation without a cache: each step computes the whole sequence again and uses its last row
// (use_cache=False of transformers' generate). The blocks are scratch.
#include <numeric>

#include "labs/ch15_disaggregated_inference/kv_cache_management/problem.h"

namespace aisp::labs::ch15::kv_cache_management {

bench::Technique recompute() {
  return {.name = "recompute",
          .summary = "the whole sequence again at each step",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            const std::int64_t each = shape.blocks();
            auto state = std::make_shared<State>(shape, shape.requests * each,
                                                 shape.requests * shape.tokens());
            std::vector<std::int32_t> ids(static_cast<std::size_t>(shape.requests * each));
            std::iota(ids.begin(), ids.end(), 0);
            return bench::plan_of([state, ids, each](const bench::Io& io) {
              const Shape& at = state->shape;
              Call call(*state, io);
              for (std::int64_t step = 0; step < at.steps; ++step) {
                state->rows.clear();
                for (std::int64_t r = 0; r < at.requests; ++r) {
                  state->rows.add(at.of(io, r, at.prompt + step), 0,
                                  std::span(ids).subspan(static_cast<std::size_t>(r * each),
                                                         static_cast<std::size_t>(each)),
                                  1);
                }
                call.forward(step);
              }
            });
          }};
}

}  // namespace aisp::labs::ch15::kv_cache_management
