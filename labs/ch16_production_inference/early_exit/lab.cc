// The lab: tokens that leave the transformer after its first layers. See README.md.
#include <algorithm>
#include <array>

#include "labs/ch16_production_inference/early_exit/problem.h"

namespace aisp::labs::ch16::early_exit {

using bench::Io;
using bench::Params;

recorded::Shape shape_of(const Params& p) {
  // With an output matrix of its own: else a larger embedding would be a likelier answer.
  model::ModelConfig config = recorded::Shape::config_of(p);
  config.tied_output = false;
  recorded::Shape shape(config);
  for (std::int64_t r = 0; r < p["N"]; ++r) shape.add(p["P"], p["A"], p["A"]);
  return shape;
}

float size_of_token(std::int64_t token) {
  constexpr std::array<float, 4> kSizes = {1.0f, 16.0f, 64.0f, 64.0f};
  return kSizes[static_cast<std::size_t>(token % 4)];
}

namespace {

/// Powers of two: exact in bf16. The packed matrices do not hold the embedding.
void resize_tokens(const Params& p, const Io& io) {
  const recorded::Shape shape = shape_of(p);
  const auto memory = io.fill<std::uint8_t>(recorded::kModel);
  const model::TensorFile file = shape.model.file(std::as_bytes(memory));
  const auto stored = find_tensors(file, shape.model.config()).embedding.bytes;
  const auto begin = reinterpret_cast<const std::uint8_t*>(stored.data()) - memory.data();
  auto* const values = reinterpret_cast<bf16*>(memory.data() + begin);
  const auto width = static_cast<std::size_t>(shape.model.config().width);
  for (std::int64_t token = 0; token < shape.vocab(); ++token) {
    bf16* const row = values + static_cast<std::size_t>(token) * width;
    std::transform(row, row + width, row, [token](bf16 value) {
      return bf16(static_cast<float>(value) * size_of_token(token));
    });
  }
}

/// How far a logit may be from that of all layers: this lab's techniques change the output, and
/// this is by how much. Logits have a deviation of 3 (model/make_model.h). A token of size 16 that
/// leaves after one of six layers misses what five would have added, a 16th of sqrt(5/6) of its
/// size: 0.17 rms, and 0.9 in the worst of some 10^5 logits. A token of size 1 that left too early
/// would be off by 2 rms.
Tolerance tolerance(const Params&) { return {.absolute = 1.5, .rms = 0.15}; }

Params sizes(std::int64_t m, std::int64_t l, std::int64_t v, std::int64_t n, std::int64_t p,
             std::int64_t a, std::int64_t e) {
  return {{"M", m}, {"L", l}, {"V", v}, {"N", n}, {"P", p}, {"A", a}, {"E", e}};
}

bench::Lab with_sizes(bench::Lab lab) {
  lab.prepare = [inner = lab.prepare](const Params& p, std::uint64_t seed, const Io& io) {
    inner(p, seed, io);
    resize_tokens(p, io);
  };
  lab.tolerance = tolerance;
  return lab;
}

}  // namespace

bench::Lab describe() {
  return with_sizes(recorded::lab_of(
      shape_of,
      {
          .question = "What does it save to let a token leave the model when the layers no longer "
                      "change it, and what does it cost in the answer?",
          .targets = {"ch16:early_exit", "ch17:inference_full"},
          .tags = {"transformer", "approximate", "serving"},
          .cases = {{.name = "stories_1",
                     .origin = "stories15M of llama2.c, its 6 layers, 512 pieces, an exit after "
                               "the first: 1 request, 8 tokens of prompt, 48 generated",
                     .smoke = sizes(0, 2, 260, 1, 4, 8, 1),
                     .full = sizes(1, 6, 512, 1, 8, 48, 1)},
                    {.name = "stories_8",
                     .origin = "the same model: 8 requests side by side, 8 tokens of prompt, 16 "
                               "generated",
                     .smoke = sizes(0, 2, 260, 3, 4, 5, 1),
                     .full = sizes(1, 6, 512, 8, 8, 16, 1)}},
          // Nothing generated; the exit before the last layer; one token of prompt.
          .ragged = {sizes(0, 2, 260, 2, 3, 1, 1), sizes(0, 2, 261, 1, 1, 6, 1)},
          .techniques = {all_layers(), careful_exit(), eager_exit()},
          .baseline = "all_layers",
      }));
}

}  // namespace aisp::labs::ch16::early_exit
