// The engine: angles of a step once, in double, for all of its layers (model/rotation.h).
#include "labs/ch18_attention_decoding/rope_q_cache/problem.h"

namespace aisp::labs::ch18::rope_q_cache {
namespace {

struct State {
  explicit State(const Shape& s) : rest(s), frequencies(s.frequencies()) {}
  RotateAndAppend rest;
  std::vector<double> frequencies;
  kernels::rope::Angles angles;
};

}  // namespace

bench::Technique angles_each_step() {
  return {.name = "angles_each_step",
          .summary = "the engine: angles once a step for all layers, in double",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(shape);
            return bench::plan_of([state, shape](const bench::Io& io) {
              kernels::rope::make_angles(state->frequencies, io.in<std::int32_t>(kPositions), 1.0,
                                         state->angles);
              for (std::int64_t l = 0; l < shape.layers; ++l) {
                state->rest.run(layer_of(shape, io, l), state->angles);
              }
            });
          }};
}

}  // namespace aisp::labs::ch18::rope_q_cache
