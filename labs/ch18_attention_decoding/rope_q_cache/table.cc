// A table of all positions made beforehand (`cos_cached`, `sin_cached`): a step only looks up.
#include "labs/ch18_attention_decoding/rope_q_cache/problem.h"

namespace aisp::labs::ch18::rope_q_cache {
namespace {

struct State {
  explicit State(const Shape& s) : table(s), rest(s) {}
  Table table;
  RotateAndAppend rest;
};

}  // namespace

bench::Technique table() {
  return {.name = "table",
          .summary = "angles of all positions in a table, looked up once a step",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(shape);
            return bench::plan_of([state, shape](const bench::Io& io) {
              const auto& angles = state->table.pick(io.in<std::int32_t>(kPositions));
              for (std::int64_t l = 0; l < shape.layers; ++l) {
                state->rest.run(layer_of(shape, io, l), angles);
              }
            });
          }};
}

}  // namespace aisp::labs::ch18::rope_q_cache
