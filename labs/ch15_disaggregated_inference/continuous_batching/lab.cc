// The lab: batches that stay together against requests that join and leave at each step. See
// README.md.
#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "labs/ch15_disaggregated_inference/continuous_batching/problem.h"

namespace aisp::labs::ch15::continuous_batching {
namespace {

using bench::Params;

// Mean lengths, and the most: short questions, answers of very different lengths, both drawn from
// exponential distributions, which conversation traces resemble more than any constant.
constexpr double kMeanPrompt = 12.0, kMeanAnswer = 16.0;
constexpr std::int64_t kMostPrompt = 40, kMostAnswer = 64;
const std::int64_t kBlocksEach = recorded::Shape::blocks_for(kMostPrompt + kMostAnswer);
constexpr std::uint64_t kLengthsSeed = 2022;  // lengths are sizes: the same in every run

std::int64_t drawn(Rng& rng, double mean, std::int64_t most) {
  const double length = -mean * std::log(1.0 - rng.uniform());
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(length) + 1, 1, most);
}

}  // namespace

recorded::Shape shape_of(const Params& p) {
  recorded::Shape shape(p);
  Rng rng(kLengthsSeed);
  for (std::int64_t r = 0; r < p["N"]; ++r) {
    const std::int64_t prompt = drawn(rng, kMeanPrompt, kMostPrompt);
    const std::int64_t answer = drawn(rng, kMeanAnswer, kMostAnswer);
    shape.add(prompt, answer, answer);
  }
  return shape;
}

State::State(const Params& p)
    : shape(shape_of(p)),
      running(p["B"]),
      steps(shape, 2 * running * kBlocksEach, running * (shape.longest_prompt + 1), running) {}

std::span<const std::int32_t> State::blocks(std::int64_t place) const {
  return steps.place(place, kBlocksEach);
}

bench::Technique in_batches(const char* name, const char* summary, ServeBatch serve_batch) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = summary;
  technique.plan = [serve_batch](const Params& params) {
    return bench::plan_of(
        [serve_batch, state = std::make_shared<State>(params)](const bench::Io& io) {
          state->steps.begin(io);
          const std::int64_t count = state->shape.count(), size = state->running;
          for (std::int64_t first = 0; first < count; first += size) {
            serve_batch(*state, first, std::min(count, first + size));
          }
        });
  };
  return technique;
}

namespace {

Params sizes(std::int64_t m, std::int64_t l, std::int64_t v, std::int64_t n, std::int64_t b) {
  return {{"M", m}, {"L", l}, {"V", v}, {"N", n}, {"B", b}};
}

}  // namespace

bench::Lab describe() {
  return recorded::lab_of(
      shape_of,
      {
          .question = "What does a server gain when requests join and leave a batch at every step "
                      "instead of staying together?",
          .targets = {"ch15:continuous_batching"},
          .tags = {"transformer", "scheduling", "serving"},
          .cases = {{.name = "stories_4_running",
                     .origin =
                         "stories15M of llama2.c, 3 of its 6 layers, 512 pieces: 12 requests, at "
                         "most 4 at a time",
                     .smoke = sizes(0, 1, 260, 5, 2),
                     .full = sizes(1, 3, 512, 12, 4)},
                    {.name = "stories_8_running",
                     .origin =
                         "stories15M of llama2.c, 3 of its 6 layers, 512 pieces: 24 requests, at "
                         "most 8 at a time",
                     .smoke = sizes(0, 1, 260, 7, 3),
                     .full = sizes(1, 3, 512, 24, 8)}},
          // One request; one place; more places than requests; a batch that is not full.
          .ragged = {sizes(0, 1, 260, 1, 1), sizes(0, 1, 260, 3, 1), sizes(0, 1, 260, 3, 4),
                     sizes(0, 1, 261, 7, 4)},
          .techniques = {static_padded(), static_ragged(), join_each_step(), engine_scheduler()},
          .baseline = "static_padded",
      });
}

}  // namespace aisp::labs::ch15::continuous_batching
