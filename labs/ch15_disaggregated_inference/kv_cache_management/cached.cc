// K and V of the prompt are computed once; each step adds one row, written by the projection into
// its place in a contiguous cache.
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

bench::Technique cached() {
  return {.name = "cached",
          .summary = "K and V of each token once, kept in one array",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(shape);
            return bench::plan_of([state, shape](const bench::Io& io) {
              float *k = state->k.data(), *v = state->v.data();
              state->layer.project(io, 0, shape.prompt, k, v);
              for (std::int64_t step = 0; step < shape.steps; ++step) {
                const std::int64_t token = shape.prompt + step;
                const std::int64_t place = token * shape.kv_width;
                state->layer.project(io, token, 1, k + place, v + place);
                const kernels::decode_attention::Run run{k, v, token + 1};
                state->layer.attend(io, step, {&run, 1});
              }
            });
          }};
}

}  // namespace aisp::labs::ch15::kv_cache_management
