// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/rng.h"
#include "labs/ch17_routing/dynamic_routing/problem.h"

namespace aisp::labs::ch17::dynamic_routing {

std::vector<serve::Telemetry> telemetry_of(const bench::Io& io) {
  std::vector<serve::Telemetry> engines;
  for (const std::int32_t running : io.in<std::int32_t>(kRunning)) {
    engines.push_back({.running = running,
                       .context_tokens = static_cast<double>(running) * kContext,
                       .longest_context = running > 0 ? kContext : 0});
  }
  return engines;
}

namespace {

bench::Problem problem(const bench::Params& p) {
  const std::int64_t prompt = p["B"] * kBlockTokens;
  return {.inputs = {{.name = "tokens", .dtype = DType::kI32, .shape = {p["N"], prompt}},
                     {.name = "running", .dtype = DType::kI32, .shape = {p["E"]}}},
          .outputs = {{.name = "engine", .dtype = DType::kI32, .shape = {p["N"]}},
                      {.name = "cached", .dtype = DType::kI32, .shape = {p["N"]}}}};
}

/// Each prompt begins as its group's, and goes on with its own tokens; engines run 0 to 15 streams.
void prepare(const bench::Params& p, std::uint64_t seed, const bench::Io& io) {
  const Shape shape(p);
  Rng rng(derive_seed(seed, 1));
  const auto tokens = io.fill<std::int32_t>(kTokens);
  for (std::size_t i = 0; i < shape.requests; ++i) {
    const std::uint64_t group = rng.below(static_cast<std::uint64_t>(p["G"]));
    Rng shared(derive_seed(seed, 1000 + group));
    for (std::size_t t = 0; t < shape.prompt(); ++t) {
      Rng& source = t < static_cast<std::size_t>(p["P"]) * kBlockTokens ? shared : rng;
      tokens[i * shape.prompt() + t] = static_cast<std::int32_t>(source.below(128'000));
    }
  }
  for (std::int32_t& running : io.fill<std::int32_t>(kRunning)) {
    running = static_cast<std::int32_t>(rng.below(16));
  }
}

bench::Work work(const bench::Params& p) {
  const Shape shape(p);
  const auto requests = static_cast<double>(shape.requests);
  return {.bytes_read = 4.0 * requests * static_cast<double>(shape.prompt()),
          .bytes_written = 8.0 * requests,
          .items = requests,
          .item_name = "decisions",
          .medium = bench::Work::Medium::kNone};
}

/// What a step takes and how many prompt tokens fit into it, from the costs of the model: within
/// twice what its longest stream alone would take, a quarter of that for prompts at least.
struct Step {
  double seconds = 0.0, tokens = 0.0;
};

Step step_of(const serve::Config& config, double running) {
  const serve::TimeModel& t = config.time;
  const double context = running * kContext;
  Step step{.seconds = t.step_s + t.decode_row_s * running + t.context_token_s * context};
  double limit_s = config.idle_step_limit_s, least = config.block_tokens;
  if (running > 0) {
    limit_s = 2.0 * (t.step_s + t.decode_row_s + t.context_token_s * kContext);
    least = std::max(1.0, config.least_prompt_share * limit_s / t.prompt_token_s);
  }
  const double fit = std::max(least, (limit_s - step.seconds) / t.prompt_token_s);
  step.tokens = std::max(1.0, std::min(std::floor(fit), config.max_rows - running));
  return step;
}

/// Prefixes as whole sequences of tokens in a sorted set for each engine; nothing is hashed.
void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const Shape shape(p);
  const serve::Config config;
  const auto running = io.in<std::int32_t>(kRunning);
  std::vector<std::set<std::vector<std::int32_t>>> has(shape.engines);
  std::vector<double> queued(shape.engines, 0.0);
  for (std::size_t i = 0; i < shape.requests; ++i) {
    const auto prompt = prompt_of(shape, io, i);
    const auto prefix = [&](std::size_t blocks) {
      return std::vector<std::int32_t>(
          prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(blocks * kBlockTokens));
    };
    std::size_t best = 0, best_blocks = 0;
    double best_s = std::numeric_limits<double>::infinity();
    for (std::size_t e = 0; e < shape.engines; ++e) {
      queued[e] = std::max(0.0, queued[e] - kServed);
      std::size_t blocks = 0;
      while (blocks < shape.blocks && has[e].contains(prefix(blocks + 1))) ++blocks;
      const Step step = step_of(config, running[e]);
      const double tokens = queued[e] + to_compute(shape, static_cast<int>(blocks));
      const double first_s =
          std::ceil(tokens / step.tokens) * step.seconds + tokens * config.time.prompt_token_s;
      if (first_s < best_s) {
        best = e;
        best_blocks = blocks;
        best_s = first_s;
      }
    }
    expected.outputs[kEngine].value[i] = static_cast<double>(best);
    expected.outputs[kCached].value[i] = static_cast<double>(best_blocks);
    queued[best] += to_compute(shape, static_cast<int>(best_blocks));
    for (std::size_t b = best_blocks; b < shape.blocks; ++b) has[best].insert(prefix(b + 1));
  }
}

// Engines and blocks are numbers.
Tolerance tolerance(const bench::Params&) { return {}; }

bench::Params sizes(std::int64_t n, std::int64_t e, std::int64_t b, std::int64_t p,
                    std::int64_t g) {
  return {{"N", n}, {"E", e}, {"B", b}, {"P", p}, {"G", g}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What does a router pay for knowing what each engine has cached, and what do the "
          "users get for it?",
      .targets = {"ch17:dynamic_routing"},
      .tags = {"serving", "routing", "host", "simd"},
      .cases = {{.name = "8_engines",
                 .origin = "prompts of 384 tokens, 256 of them of one of 16 shared prefixes, on 8 "
                           "engines",
                 .smoke = sizes(24, 8, 5, 3, 3),
                 .full = sizes(512, 8, 24, 16, 16)},
                {.name = "64_engines",
                 .origin = "the same on 64 engines",
                 .smoke = sizes(90, 64, 4, 2, 3),
                 .full = sizes(512, 64, 24, 16, 16)}},
      .ragged = {sizes(1, 1, 1, 0, 1), sizes(9, 1, 2, 1, 2), sizes(33, 3, 3, 3, 5),
                 sizes(40, 63, 2, 1, 2), sizes(17, 5, 7, 0, 1)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {index_each(), one_map(), one_map_columns()},
      .baseline = "index_each",
  };
}

}  // namespace aisp::labs::ch17::dynamic_routing
