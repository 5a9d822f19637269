// The lab: batches that stay together against requests that join and leave at each step. See
// README.md.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/rng.h"
#include "labs/ch15_disaggregated_inference/continuous_batching/problem.h"
#include "model/reference.h"
#include "model/rounding_bound.h"
#include "model/shapes.h"

namespace aisp::labs::ch15::continuous_batching {
namespace {

// Mean lengths, and the most: short questions, answers of very different lengths, both drawn from
// exponential distributions, which conversation traces resemble more than any constant.
constexpr double kMeanPrompt = 12.0, kMeanAnswer = 16.0;
constexpr std::int64_t kMostPrompt = 40, kMostAnswer = 64;
constexpr std::uint64_t kLengthsSeed = 2022;  // lengths are sizes: the same in every run

std::int64_t drawn(Rng& rng, double mean, std::int64_t most) {
  const double length = -mean * std::log(1.0 - rng.uniform());
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(length) + 1, 1, most);
}

}  // namespace

Shape::Shape(const bench::Params& p)
    : model(model::cut_shape(
                p["M"] == 0 ? *model::tiny_shape("llama") : *model::shape_of_name("stories-15m"),
                p["L"], p["V"]),
            "bf16"),
      running(p["B"]) {
  Rng rng(kLengthsSeed);
  for (std::int64_t r = 0; r < p["N"]; ++r) {
    Lengths own{.prompt = drawn(rng, kMeanPrompt, kMostPrompt),
                .answer = drawn(rng, kMeanAnswer, kMostAnswer),
                .first_token = tokens,
                .first_logits = answered};
    tokens += own.tokens();
    answered += own.answer;
    longest = std::max(longest, own.tokens());
    longest_prompt = std::max(longest_prompt, own.prompt);
    requests.push_back(own);
  }
}

std::int64_t Shape::blocks_each() const {
  return (kMostPrompt + kMostAnswer + model::kBlockTokens - 1) / model::kBlockTokens;
}

State::State(const bench::Params& params)
    : shape(params),
      cache(shape.model.config(), model::KvType::kF32,
            static_cast<std::int32_t>(2 * shape.running * shape.blocks_each())),
      model(shape.model, cache, pool, shape.running * (shape.longest_prompt + 1)),
      ids(static_cast<std::size_t>(cache.blocks())),
      padding(static_cast<std::size_t>(kMostPrompt)),
      logits(static_cast<std::size_t>(shape.running * shape.vocab())) {
  std::iota(ids.begin(), ids.end(), 0);
}

Call::Call(State& state, const bench::Io& io)
    : state_(state),
      tokens_(io.in<std::int32_t>(kTokens)),
      logits_(io.out<float>(kLogits)),
      transformer_(state.model.on(std::as_bytes(io.in<std::uint8_t>(kModel)))) {
  state_.rows.clear();
  state_.to.clear();
}

void Call::add(std::int64_t request, std::int64_t first, std::int64_t count,
               std::span<const std::int32_t> blocks) {
  const Lengths& own = state_.shape.requests[static_cast<std::size_t>(request)];
  const std::int64_t last = first + count - 1, answer = last - (own.prompt - 1);
  state_.rows.add(tokens_.subspan(static_cast<std::size_t>(own.first_token + first),
                                  static_cast<std::size_t>(count)),
                  first, blocks, answer >= 0 ? 1 : 0);
  if (answer >= 0) state_.to.push_back(own.first_logits + answer);
}

void Call::padding(std::int64_t count, std::int64_t context, std::span<const std::int32_t> blocks,
                   bool wanted) {
  state_.rows.add(std::span(state_.padding).first(static_cast<std::size_t>(count)), context, blocks,
                  wanted ? 1 : 0);
  if (wanted) state_.to.push_back(-1);
}

void Call::forward() {
  const auto vocab = static_cast<std::size_t>(state_.shape.vocab());
  const std::span<float> logits = std::span(state_.logits).first(state_.rows.wanted() * vocab);
  transformer_.forward(state_.rows.batch(), logits);
  for (std::size_t i = 0; i < state_.to.size(); ++i) {
    if (state_.to[i] < 0) continue;
    std::copy_n(logits.data() + i * vocab, vocab,
                logits_.data() + static_cast<std::size_t>(state_.to[i]) * vocab);
  }
  state_.rows.clear();
  state_.to.clear();
}

bench::Technique in_batches(const char* name, const char* summary, ServeBatch serve_batch) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = summary;
  technique.plan = [serve_batch](const bench::Params& params) {
    return bench::plan_of(
        [serve_batch, state = std::make_shared<State>(params)](const bench::Io& io) {
          Call call(*state, io);
          const std::int64_t count = state->shape.count(), size = state->shape.running;
          for (std::int64_t first = 0; first < count; first += size) {
            serve_batch(*state, call, first, std::min(count, first + size));
          }
        });
  };
  return technique;
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
                     {.name = "tokens", .dtype = DType::kI32, .shape = {s.tokens}}},
          .outputs = {{.name = "logits", .shape = {s.answered, s.vocab()}}}};
}

void prepare(const Params& params, std::uint64_t seed, const Io& io) {
  const Shape s(params);
  s.model.fill(derive_seed(seed, 1), std::as_writable_bytes(io.fill<std::uint8_t>(kModel)));
  s.model.fill_tokens(derive_seed(seed, 2), io.fill<std::int32_t>(kTokens));
}

/// Each token of a request but its last once, logits for those it answered; the packed weights
/// once.
bench::Work work(const Params& params) {
  const Shape s(params);
  double flops = 0.0;
  for (const Lengths& own : s.requests) {
    flops += s.model.operations(own.tokens() - 1, own.answer);
  }
  const auto answered = static_cast<double>(s.answered);
  return {.flops = flops,
          .bytes_read = static_cast<double>(s.model.packed_bytes()),
          .bytes_written = 4.0 * answered * static_cast<double>(s.vocab()),
          .items = answered,
          .item_name = "tokens"};
}

/// The reference of model/ on each request alone; scale is the rounding bound of the longest one's
/// logits.
void reference(const Params& params, const Io& io, bench::Expected& expected) {
  const Shape s(params);
  const model::ModelConfig& c = s.model.config();
  const model::TensorFile file = s.model.file(std::as_bytes(io.in<std::uint8_t>(kModel)));
  const model::ModelTensors tensors = find_tensors(file, c);
  auto& out = expected.outputs[kLogits];
  bool bounded = false;
  for (const Lengths& own : s.requests) {
    const auto tokens = io.in<std::int32_t>(kTokens).subspan(
        static_cast<std::size_t>(own.first_token), static_cast<std::size_t>(own.tokens() - 1));
    const std::vector<double> logits =
        reference_logits(tensors, c, tokens, {.first = own.prompt - 1});
    std::ranges::copy(logits, out.value.begin() + own.first_logits * c.vocab);
    if (own.tokens() < s.longest || bounded) continue;
    out.scale.assign(out.value.size(), rounding_bound(tensors, c, tokens, logits, 1));
    bounded = true;
  }
}

/// The bound is in `scale`: six deviations over the worst weights, doubled, so that f32 shows a
/// hundredth of it. A row that saw another request's keys is off by a thousand times (see the
/// test).
Tolerance tolerance(const Params&) { return {.relative = 1.0, .rms = 0.05}; }

Params sizes(std::int64_t m, std::int64_t l, std::int64_t v, std::int64_t n, std::int64_t b) {
  return {{"M", m}, {"L", l}, {"V", v}, {"N", n}, {"B", b}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What does a server gain when requests join and leave a batch at every step "
          "instead of staying together?",
      .targets = {"ch15:continuous_batching"},
      .tags = {"transformer", "scheduling", "serving"},
      .cases = {{.name = "stories_4_running",
                 .origin = "stories15M of llama2.c, 3 of its 6 layers, 512 pieces: 12 requests, at "
                           "most 4 at a time",
                 .smoke = sizes(0, 1, 260, 5, 2),
                 .full = sizes(1, 3, 512, 12, 4)},
                {.name = "stories_8_running",
                 .origin = "stories15M of llama2.c, 3 of its 6 layers, 512 pieces: 24 requests, at "
                           "most 8 at a time",
                 .smoke = sizes(0, 1, 260, 7, 3),
                 .full = sizes(1, 3, 512, 24, 8)}},
      // One request; one place; more places than requests; a batch that is not full.
      .ragged = {sizes(0, 1, 260, 1, 1), sizes(0, 1, 260, 3, 1), sizes(0, 1, 260, 3, 4),
                 sizes(0, 1, 261, 7, 4)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {static_padded(), static_ragged(), join_each_step(), engine_scheduler()},
      .baseline = "static_padded",
  };
}

}  // namespace aisp::labs::ch15::continuous_batching
