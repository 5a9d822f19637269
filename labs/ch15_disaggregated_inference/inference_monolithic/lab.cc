// The lab: what the loop around a model costs. See README.md.
#include <algorithm>
#include <numeric>

#include "base/rng.h"
#include "labs/ch15_disaggregated_inference/inference_monolithic/problem.h"
#include "model/reference.h"
#include "model/rounding_bound.h"
#include "model/shapes.h"

namespace aisp::labs::ch15::inference_monolithic {

Shape::Shape(const bench::Params& p)
    : prompt(p["P"]),
      steps(p["S"]),
      model(model::cut_shape(
                p["M"] == 0 ? *model::tiny_shape("llama") : *model::shape_of_name("stories-15m"),
                p["L"], p["V"]),
            "bf16") {}

State::State(const bench::Params& params)
    : shape(params),
      cache(shape.model.config(), model::KvType::kF32,
            static_cast<std::int32_t>((shape.computed() + model::kBlockTokens - 1) /
                                      model::kBlockTokens)),
      model(shape.model, cache, pool, shape.prompt),
      blocks(static_cast<std::size_t>(cache.blocks())) {
  std::iota(blocks.begin(), blocks.end(), 0);
}

Call::Call(State& state, const bench::Io& io)
    : state_(state),
      tokens_(io.in<std::int32_t>(kTokens)),
      transformer_(state.model.on(std::as_bytes(io.in<std::uint8_t>(kModel)))) {}

void Call::forward(std::int64_t first, std::int64_t count, std::int64_t wanted,
                   std::span<float> logits) {
  state_.rows.clear();
  state_.rows.add(tokens_.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                  first, state_.blocks, wanted);
  transformer_.forward(state_.rows.batch(), logits);
}

namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& params) {
  const Shape s(params);
  return {.inputs = {{.name = "model",
                      .dtype = DType::kU8,
                      .shape = {s.model.bytes()},
                      .structured = true},
                     {.name = "tokens", .dtype = DType::kI32, .shape = {s.prompt + s.steps}}},
          .outputs = {{.name = "logits", .shape = {s.steps, s.model.config().vocab}}}};
}

void prepare(const Params& params, std::uint64_t seed, const Io& io) {
  const Shape s(params);
  s.model.fill(derive_seed(seed, 1), std::as_writable_bytes(io.fill<std::uint8_t>(kModel)));
  s.model.fill_tokens(derive_seed(seed, 2), io.fill<std::int32_t>(kTokens));
}

/// Each token once, logits for those it generated; the packed weights once.
bench::Work work(const Params& params) {
  const Shape s(params);
  const auto steps = static_cast<double>(s.steps);
  return {.flops = s.model.operations(s.computed(), s.steps),
          .bytes_read = static_cast<double>(s.model.packed_bytes()),
          .bytes_written = 4.0 * steps * static_cast<double>(s.vocab()),
          .items = steps,
          .item_name = "tokens"};
}

/// The reference of model/; scale is the rounding bound of these logits.
void reference(const Params& params, const Io& io, bench::Expected& expected) {
  const Shape s(params);
  const model::ModelConfig& c = s.model.config();
  const model::TensorFile file = s.model.file(std::as_bytes(io.in<std::uint8_t>(kModel)));
  const model::ModelTensors tensors = find_tensors(file, c);
  const auto tokens = io.in<std::int32_t>(kTokens).first(static_cast<std::size_t>(s.computed()));
  auto& out = expected.outputs[kLogits];
  out.value = reference_logits(tensors, c, tokens, {.first = s.prompt - 1});
  out.scale.assign(out.value.size(), rounding_bound(tensors, c, tokens, out.value, 1));
}

/// The bound is in `scale`: six deviations over the worst weights, doubled, so that f32 shows a
/// hundredth of it. Logits kept in bf16 show more than all of it (see the test).
Tolerance tolerance(const Params&) { return {.relative = 1.0, .rms = 0.05}; }

Params sizes(std::int64_t m, std::int64_t l, std::int64_t v, std::int64_t p, std::int64_t s) {
  return {{"M", m}, {"L", l}, {"V", v}, {"P", p}, {"S", s}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What does the loop around a model cost: the logits it asks for, and where it "
          "gathers those of each step?",
      .targets = {"ch15:inference_monolithic"},
      .tags = {"transformer", "serving", "memory"},
      .cases = {{.name = "stories15m",
                 .origin = "stories15M of llama2.c, all of it (6 layers, 32,000 pieces): 32 tokens "
                           "of prompt, 24 generated",
                 .smoke = sizes(0, 1, 512, 9, 5),
                 .full = sizes(1, 6, 32000, 32, 24)},
                {.name = "stories15m_long_prompt",
                 .origin = "stories15M of llama2.c, all of it: 128 tokens of prompt, 8 generated",
                 .smoke = sizes(0, 2, 512, 33, 3),
                 .full = sizes(1, 6, 32000, 128, 8)}},
      .ragged = {sizes(0, 1, 260, 1, 1), sizes(0, 1, 333, 1, 4), sizes(0, 1, 260, 31, 3)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {list_then_stack(), grown_each_step(), all_logits(), reused_buffer()},
      .baseline = "list_then_stack",
  };
}

}  // namespace aisp::labs::ch15::inference_monolithic
