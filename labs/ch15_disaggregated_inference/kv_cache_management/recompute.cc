// K and V of the whole prefix are computed again at each step: generation without a cache
// (use_cache=False in transformers), reduced to the part that a cache would keep.
#include "labs/ch15_disaggregated_inference/kv_cache_management/problem.h"

namespace aisp::labs::ch15::kv_cache_management {
namespace {

struct State {
  explicit State(const Shape& s)
      : layer(s), k(static_cast<std::size_t>(s.tokens() * s.kv_width)), v(k.size()) {}
  Layer layer;
  std::vector<float> k, v;  // [tokens, kv_width]
};

}  // namespace

bench::Technique recompute() {
  return {.name = "recompute",
          .summary = "K and V of the whole prefix at each step",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(shape);
            return bench::plan_of([state, shape](const bench::Io& io) {
              for (std::int64_t step = 0; step < shape.steps; ++step) {
                const std::int64_t tokens = shape.prompt + step + 1;
                state->layer.project(io, 0, tokens, state->k.data(), state->v.data());
                const kernels::decode_attention::Run run{state->k.data(), state->v.data(), tokens};
                state->layer.attend(io, step, {&run, 1});
              }
            });
          }};
}

}  // namespace aisp::labs::ch15::kv_cache_management
