// The lab: generation with keys and values computed again, copied, or kept in blocks. See
// README.md.
#include <algorithm>

#include "base/rng.h"
#include "labs/ch15_disaggregated_inference/kv_cache_management/problem.h"
#include "model/reference.h"
#include "model/rounding_bound.h"
#include "model/shapes.h"

namespace aisp::labs::ch15::kv_cache_management {

Shape::Shape(const bench::Params& p)
    : requests(p["R"]),
      prompt(p["P"]),
      steps(p["S"]),
      model(model::cut_shape(
                p["M"] == 0 ? *model::tiny_shape("llama") : *model::shape_of_name("stories-15m"),
                p["L"], p["V"]),
            "bf16") {}

Call::Call(State& state, const bench::Io& io)
    : state_(state),
      logits_(io.out<float>(kLogits)),
      transformer_(state.model.on(std::as_bytes(io.in<std::uint8_t>(kModel)))) {}

void Call::forward(std::int64_t step) {
  const auto count = static_cast<std::size_t>(state_.shape.requests * state_.shape.vocab());
  transformer_.forward(state_.rows.batch(),
                       logits_.subspan(static_cast<std::size_t>(step) * count, count));
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
                     {.name = "tokens", .dtype = DType::kI32, .shape = {s.requests, s.tokens()}}},
          .outputs = {{.name = "logits", .shape = {s.steps, s.requests, s.vocab()}}}};
}

void prepare(const Params& params, std::uint64_t seed, const Io& io) {
  const Shape s(params);
  s.model.fill(derive_seed(seed, 1), std::as_writable_bytes(io.fill<std::uint8_t>(kModel)));
  s.model.fill_tokens(derive_seed(seed, 2), io.fill<std::int32_t>(kTokens));
}

/// Each token of a request but its last once, logits for those it generated; the packed weights
/// once.
bench::Work work(const Params& params) {
  const Shape s(params);
  const auto requests = static_cast<double>(s.requests), steps = static_cast<double>(s.steps);
  return {.flops = requests * s.model.operations(s.tokens() - 1, s.steps),
          .bytes_read = static_cast<double>(s.model.packed_bytes()),
          .bytes_written = 4.0 * requests * steps * static_cast<double>(s.vocab()),
          .items = requests * steps,
          .item_name = "tokens"};
}

/// The reference of model/, which keeps nothing between tokens; scale is the rounding bound of the
/// first request's logits.
void reference(const Params& params, const Io& io, bench::Expected& expected) {
  const Shape s(params);
  const model::ModelConfig& c = s.model.config();
  const model::TensorFile file = s.model.file(std::as_bytes(io.in<std::uint8_t>(kModel)));
  const model::ModelTensors tensors = find_tensors(file, c);
  auto& out = expected.outputs[kLogits];
  for (std::int64_t r = 0; r < s.requests; ++r) {
    const auto tokens = s.of(io, r, s.tokens() - 1);
    const std::vector<double> logits =
        reference_logits(tensors, c, tokens, {.first = s.prompt - 1});
    for (std::int64_t step = 0; step < s.steps; ++step) {
      std::copy_n(logits.begin() + step * c.vocab, c.vocab,
                  out.value.begin() + (step * s.requests + r) * c.vocab);
    }
    if (r == 0) {
      out.scale.assign(out.value.size(), rounding_bound(tensors, c, tokens, logits, 1));
    }
  }
}

/// The bound is in `scale`: six deviations over the worst weights, doubled, so that f32 shows a
/// hundredth of it. Keys and values in bf16, off by up to 2^-9, show more than the rms limit (see
/// the test).
Tolerance tolerance(const Params&) { return {.relative = 1.0, .rms = 0.05}; }

Params sizes(std::int64_t m, std::int64_t l, std::int64_t v, std::int64_t r, std::int64_t p,
             std::int64_t s) {
  return {{"M", m}, {"L", l}, {"V", v}, {"R", r}, {"P", p}, {"S", s}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What does generation save by keeping the keys and values of the tokens before, "
          "and does it matter where they are kept?",
      .targets = {"ch15:kv_cache_management"},
      .tags = {"transformer", "kv-cache", "serving"},
      .cases = {{.name = "stories_short",
                 .origin = "stories15M of llama2.c, its 6 layers, 512 pieces: 2 requests, 48 "
                           "tokens of prompt, 8 generated",
                 .smoke = sizes(0, 2, 260, 2, 9, 4),
                 .full = sizes(1, 6, 512, 2, 48, 8)},
                {.name = "stories_long_answer",
                 .origin = "stories15M of llama2.c, its first layer: 2 requests, 64 tokens of "
                           "prompt, 48 generated",
                 .smoke = sizes(0, 1, 260, 2, 30, 5),
                 .full = sizes(1, 1, 512, 2, 64, 48)}},
      // One token; one block exactly, one below and above.
      .ragged = {sizes(0, 1, 260, 1, 1, 1), sizes(0, 1, 300, 3, 31, 3), sizes(0, 1, 260, 1, 32, 2),
                 sizes(0, 2, 511, 2, 33, 1)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {recompute(), contiguous_copied(), paged()},
      .baseline = "recompute",
  };
}

}  // namespace aisp::labs::ch15::kv_cache_management
