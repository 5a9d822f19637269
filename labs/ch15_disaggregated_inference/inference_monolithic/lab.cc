// The lab: what the loop around a model costs. See README.md.
#include <numeric>

#include "labs/ch15_disaggregated_inference/inference_monolithic/problem.h"

namespace aisp::labs::ch15::inference_monolithic {

Shape::Shape(const bench::Params& p) : recorded::Shape(p), prompt(p["P"]), steps(p["S"]) {
  add(prompt, steps, steps);
}

State::State(const bench::Params& params)
    : shape(params),
      cache(shape.model.config(), model::KvType::kF32,
            static_cast<std::int32_t>(Shape::blocks_for(shape.computed()))),
      model(shape.model, cache, pool, shape.prompt),
      blocks(static_cast<std::size_t>(cache.blocks())) {
  std::iota(blocks.begin(), blocks.end(), 0);
}

Call::Call(State& state, const bench::Io& io)
    : state_(state),
      tokens_(io.in<std::int32_t>(recorded::kTokens)),
      transformer_(state.model.on(std::as_bytes(io.in<std::uint8_t>(recorded::kModel)))) {}

void Call::forward(std::int64_t first, std::int64_t count, std::int64_t wanted,
                   std::span<float> logits) {
  state_.rows.clear();
  state_.rows.add(tokens_.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                  first, state_.blocks, wanted);
  transformer_.forward(state_.rows.batch(), logits);
}

namespace {

using bench::Params;

Params sizes(std::int64_t m, std::int64_t l, std::int64_t v, std::int64_t p, std::int64_t s) {
  return {{"M", m}, {"L", l}, {"V", v}, {"P", p}, {"S", s}};
}

}  // namespace

bench::Lab describe() {
  return recorded::lab_of(
      [](const Params& p) -> recorded::Shape { return Shape(p); },
      {
          .question =
              "What does the loop around a model cost: the logits it asks for, and where it "
              "gathers those of each step?",
          .targets = {"ch15:inference_monolithic"},
          .tags = {"transformer", "serving", "memory"},
          .cases = {{.name = "stories15m",
                     .origin =
                         "stories15M of llama2.c, all of it (6 layers, 32,000 pieces): 32 tokens "
                         "of prompt, 24 generated",
                     .smoke = sizes(0, 1, 512, 9, 5),
                     .full = sizes(1, 6, 32000, 32, 24)},
                    {.name = "stories15m_long_prompt",
                     .origin =
                         "stories15M of llama2.c, all of it: 128 tokens of prompt, 8 generated",
                     .smoke = sizes(0, 2, 512, 33, 3),
                     .full = sizes(1, 6, 32000, 128, 8)}},
          .ragged = {sizes(0, 1, 260, 1, 1), sizes(0, 1, 333, 1, 4), sizes(0, 1, 260, 31, 3)},
          .techniques = {list_then_stack(), grown_each_step(), all_logits(), reused_buffer()},
          .baseline = "list_then_stack",
      });
}

}  // namespace aisp::labs::ch15::inference_monolithic
