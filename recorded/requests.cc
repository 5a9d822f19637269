// See requests.h.
#include "recorded/requests.h"

#include <algorithm>
#include <map>

#include "base/rng.h"
#include "model/reference.h"
#include "model/rounding_bound.h"
#include "model/shapes.h"

namespace aisp::recorded {

using bench::Io;
using bench::Params;

model::ModelConfig Shape::config_of(const Params& p) {
  return model::cut_shape(
      p["M"] == 0 ? *model::tiny_shape("llama") : *model::shape_of_name("stories-15m"), p["L"],
      p["V"]);
}

void Shape::add(std::int64_t prompt, std::int64_t answer, std::int64_t wanted) {
  requests.push_back({.prompt = prompt,
                      .answer = answer,
                      .wanted = wanted,
                      .first_token = tokens,
                      .first_logits = rows});
  tokens += prompt + answer;
  rows += wanted;
  longest = std::max(longest, prompt + answer);
  longest_prompt = std::max(longest_prompt, prompt);
}

void Shape::add_turn(std::int64_t more, std::int64_t answer) {
  const Request before = requests.back();
  check(before.first_token + before.tokens() == tokens, "a turn follows the request added last");
  requests.push_back({.prompt = before.tokens() + more,
                      .answer = answer,
                      .wanted = answer,
                      .computed = before.tokens() - 1,
                      .first_token = before.first_token,
                      .first_logits = rows});
  tokens += more + answer;
  rows += answer;
  longest = std::max(longest, requests.back().tokens());
  longest_prompt = std::max(longest_prompt, requests.back().prompt);
}

namespace {

bench::Problem problem(const Shape& s) {
  return {.inputs = {{.name = "model",
                      .dtype = DType::kU8,
                      .shape = {s.model.bytes()},
                      .structured = true},
                     {.name = "tokens", .dtype = DType::kI32, .shape = {s.tokens}}},
          .outputs = {{.name = "logits", .shape = {s.rows, s.vocab()}}}};
}

void prepare(const Shape& s, std::uint64_t seed, const Io& io) {
  s.model.fill(derive_seed(seed, 1), std::as_writable_bytes(io.fill<std::uint8_t>(kModel)));
  s.model.fill_tokens(derive_seed(seed, 2), io.fill<std::int32_t>(kTokens));
}

bench::Work work(const Shape& s) {
  double flops = 0.0;
  for (const Request& own : s.requests) {
    if (own.wanted == 0) continue;
    flops += s.model.operations(own.prompt + own.wanted - 1, own.wanted) -
             s.model.operations(own.computed, 0);
  }
  const auto rows = static_cast<double>(s.rows);
  return {.flops = flops,
          .bytes_read = static_cast<double>(s.model.packed_bytes()),
          .bytes_written = 4.0 * rows * static_cast<double>(s.vocab()),
          .items = rows,
          .item_name = "tokens"};
}

// The reference of model/ on each conversation alone, which keeps nothing between tokens; scale is
// the rounding bound of the longest one's logits.
void reference(const Shape& s, const Io& io, bench::Expected& expected) {
  const model::ModelConfig& c = s.model.config();
  const model::TensorFile file = s.model.file(std::as_bytes(io.in<std::uint8_t>(kModel)));
  const model::ModelTensors tensors = find_tensors(file, c);
  std::map<std::int64_t, std::vector<const Request*>> conversations;  // by their first token
  for (const Request& own : s.requests) {
    if (own.wanted > 0) conversations[own.first_token].push_back(&own);
  }
  auto& out = expected.outputs[kLogits];
  std::int64_t bounded = 0;
  for (const auto& [first_token, turns] : conversations) {
    const std::int64_t length = turns.back()->prompt + turns.back()->wanted - 1;
    const std::int64_t first = turns.front()->prompt - 1;
    const auto tokens = io.in<std::int32_t>(kTokens).subspan(static_cast<std::size_t>(first_token),
                                                             static_cast<std::size_t>(length));
    const std::vector<double> logits = reference_logits(tensors, c, tokens, {.first = first});
    for (const Request* turn : turns) {
      std::copy_n(logits.begin() + (turn->prompt - 1 - first) * c.vocab, turn->wanted * c.vocab,
                  out.value.begin() + turn->first_logits * c.vocab);
    }
    if (length <= bounded) continue;
    out.scale.assign(out.value.size(), rounding_bound(tensors, c, tokens, logits, 1));
    bounded = length;
  }
}

}  // namespace

bench::Lab lab_of(Shape (*shape_of)(const Params& params), bench::Lab lab) {
  lab.problem = [shape_of](const Params& p) { return problem(shape_of(p)); };
  lab.prepare = [shape_of](const Params& p, std::uint64_t seed, const Io& io) {
    prepare(shape_of(p), seed, io);
  };
  lab.work = [shape_of](const Params& p) { return work(shape_of(p)); };
  lab.reference = [shape_of](const Params& p, const Io& io, bench::Expected& expected) {
    reference(shape_of(p), io, expected);
  };
  // The bound is in `scale`: six deviations over the worst weights, doubled, so that f32 shows a
  // hundredth of it. A row that saw another request's keys is off by a thousand times, and keys
  // and values in bf16 show more than the rms limit (see the labs' tests).
  lab.tolerance = [](const Params&) { return Tolerance{.relative = 1.0, .rms = 0.05}; };
  return lab;
}

}  // namespace aisp::recorded
