// Each layer computes the angles for itself, in f32: cosine and sine of position x frequency.
// transformers did so until 4.38 (`rotary_emb` inside of each attention layer), llama2.c does it
// for each head as well.
#include <cmath>

#include "labs/ch18_attention_decoding/rope_q_cache/problem.h"

namespace aisp::labs::ch18::rope_q_cache {
namespace {

struct State {
  explicit State(const Shape& s) : rest(s) {
    for (const double x : s.frequencies()) frequencies.push_back(static_cast<float>(x));
    angles.pairs = s.size / 2;
    angles.cosine.resize(static_cast<std::size_t>(s.rows * angles.pairs));
    angles.sine.resize(angles.cosine.size());
  }
  void compute(std::span<const std::int32_t> positions) {
    std::size_t at = 0;
    for (const std::int32_t position : positions) {
      for (const float frequency : frequencies) {
        const float angle = static_cast<float>(position) * frequency;
        angles.cosine[at] = std::cos(angle);
        angles.sine[at++] = std::sin(angle);
      }
    }
  }
  RotateAndAppend rest;
  std::vector<float> frequencies;
  kernels::rope::Angles angles;
};

}  // namespace

bench::Technique angles_each_layer() {
  return {.name = "angles_each_layer",
          .summary = "cosines and sines computed in every layer, then turn, then append",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(shape);
            return bench::plan_of([state, shape](const bench::Io& io) {
              for (std::int64_t l = 0; l < shape.layers; ++l) {
                state->compute(io.in<std::int32_t>(kPositions));
                state->rest.run(layer_of(shape, io, l), state->angles);
              }
            });
          }};
}

}  // namespace aisp::labs::ch18::rope_q_cache
