// The batch as one rectangle: every request is attended as if it were as long as the longest, and a
// mask hides what is not there. What a batch of prompts costs in a framework without ragged shapes.
#include <algorithm>
#include <limits>

#include "labs/ch16_production_inference/paged_attention/problem.h"

namespace aisp::labs::ch16::paged_attention {
namespace {

namespace eager = kernels::eager_attention;

struct State {
  explicit State(const Shape& shape)
      : gathered(shape),
        attention(shape.heads, 1, shape.cache.longest),
        mask(static_cast<std::size_t>(shape.cache.longest)) {}
  Gathered gathered;
  eager::EagerAttention attention;
  std::vector<float> mask;
};

}  // namespace

bench::Technique padded_batch() {
  return {.name = "padded_batch",
          .summary = "gather, pad to the longest request, hide the padding with a mask",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(shape);
            return bench::plan_of([state, shape](const bench::Io& io) {
              const auto contexts = io.in<std::int32_t>(kContexts);
              for (std::int64_t r = 0; r < shape.cache.sequences; ++r) {
                const std::int64_t tokens = contexts[static_cast<std::size_t>(r)];
                const std::int64_t place = r * shape.heads.width();
                state->gathered.gather(shape, io, r, tokens);
                std::fill_n(state->mask.begin(), tokens, 0.0f);
                std::fill(state->mask.begin() + tokens, state->mask.end(),
                          -std::numeric_limits<float>::infinity());
                state->attention.run({.q = io.in<float>(kQ).data() + place,
                                      .k = state->gathered.k.data(),
                                      .v = state->gathered.v.data(),
                                      .mask = state->mask.data(),
                                      .out = io.out<float>(kO).data() + place});
              }
            });
          }};
}

}  // namespace aisp::labs::ch16::paged_attention
