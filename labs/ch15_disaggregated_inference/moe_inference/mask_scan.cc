// Expert by expert: a scan of all tokens for those that chose it, a copy of their rows, one
// product, and its rows added to the output: the loop over experts of MixtralSparseMoeBlock in
// transformers (torch.where on the expert's mask, index, index_add_), without its allocations.
// Source: transformers, models/mixtral/modeling_mixtral.py.
#include <cstring>

#include "labs/ch15_disaggregated_inference/moe_inference/problem.h"

namespace aisp::labs::ch15::moe_inference {
namespace {

struct State {
  explicit State(const Shape& s)
      : expert(s, s.tokens),
        x(static_cast<std::size_t>(s.tokens * s.c)),
        y(x.size()),
        chosen(static_cast<std::size_t>(s.tokens)) {}
  Expert expert;
  std::vector<float> x, y;           // [tokens, C]: rows of one expert
  std::vector<std::int64_t> chosen;  // its pairs
};

}  // namespace

bench::Technique mask_scan() {
  return {.name = "mask_scan",
          .summary = "for each expert, a scan for its tokens and one product",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(shape);
            return bench::plan_of([state, shape](const bench::Io& io) {
              const std::int64_t c = shape.c;
              const auto ids = io.in<std::int32_t>(kIds);
              float* y = io.out<float>(kY).data();
              std::fill_n(y, shape.tokens * c, 0.0f);
              for (std::int64_t e = 0; e < shape.experts; ++e) {
                std::int64_t rows = 0;
                for (std::int64_t pair = 0; pair < shape.pairs(); ++pair) {
                  if (ids[static_cast<std::size_t>(pair)] != e) continue;
                  state->chosen[static_cast<std::size_t>(rows)] = pair;
                  std::memcpy(state->x.data() + rows * c,
                              io.in<float>(kX).data() + pair / shape.k * c,
                              static_cast<std::size_t>(c) * sizeof(float));
                  ++rows;
                }
                if (rows == 0) continue;
                state->expert.run(io, e, rows, state->x.data(), state->y.data());
                for (std::int64_t r = 0; r < rows; ++r) {
                  const std::int64_t pair = state->chosen[static_cast<std::size_t>(r)];
                  const float gate = io.in<float>(kGates)[static_cast<std::size_t>(pair)];
                  float* __restrict to = y + pair / shape.k * c;
                  const float* from = state->y.data() + r * c;
                  for (std::int64_t j = 0; j < c; ++j) to[j] += gate * from[j];
                }
              }
            });
          }};
}

}  // namespace aisp::labs::ch15::moe_inference
