// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/rng.h"
#include "labs/ch17_routing/early_rejection/problem.h"

namespace aisp::labs::ch17::early_rejection {

serve::Config config_of(const bench::Params& params) {
  serve::Config config;
  config.slots = static_cast<int>(params["S"]);
  return config;
}

namespace {

bench::Problem problem(const bench::Params& p) {
  return {.inputs = {{.name = "prompt", .dtype = DType::kI32, .shape = {p["N"]}},
                     {.name = "within", .shape = {p["N"]}}},
          .outputs = {{.name = "first_token", .dtype = DType::kF64, .shape = {p["N"]}},
                      {.name = "taken", .dtype = DType::kI32, .shape = {p["N"]}}}};
}

/// Log-normal prompts around 250 tokens; seven in ten are interactive (2 s), the others batch work
/// with 10 to 600 s.
void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  Rng rng(derive_seed(seed, 1));
  for (std::int32_t& prompt : io.fill<std::int32_t>(kPrompt)) {
    prompt = static_cast<std::int32_t>(std::clamp(250.0 * std::exp(rng.normal()), 1.0, 8000.0));
  }
  for (float& within : io.fill<float>(kWithin)) {
    within = rng.below(10) < 7 ? 2.0f : static_cast<float>(10.0 + 590.0 * rng.uniform());
  }
}

/// The decisions; nothing of them is bound by bandwidth.
bench::Work work(const bench::Params& p) {
  const auto asked = static_cast<double>(p["N"]);
  return {.bytes_read = 8.0 * asked,
          .bytes_written = 12.0 * asked,
          .items = asked,
          .item_name = "decisions",
          .medium = bench::Work::Medium::kNone};
}

/// Those taken as a map from due to tokens, summed for each question; the time from the model's
/// costs: an idle engine's step takes what prompt tokens fit into its limit, at most its rows.
void reference(const bench::Params& params, const bench::Io& io, bench::Expected& expected) {
  const serve::Config config = config_of(params);
  const serve::TimeModel& time = config.time;
  const double fit = std::floor((config.idle_step_limit_s - time.step_s) / time.prompt_token_s);
  const double step_tokens = std::clamp<double>(fit, config.block_tokens, config.max_rows);
  const auto prompts = io.in<std::int32_t>(kPrompt);
  const auto withins = io.in<float>(kWithin);
  std::multimap<float, std::int64_t> queue;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    std::int64_t tokens = prompts[i];
    for (auto one = queue.begin(); one != queue.upper_bound(withins[i]); ++one) {
      tokens += one->second;
    }
    const auto all = static_cast<double>(tokens);
    const double first_s = std::ceil(all / step_tokens) * time.step_s + all * time.prompt_token_s;
    const bool taken = first_s <= static_cast<double>(withins[i]);
    if (taken) queue.emplace(withins[i], prompts[i]);
    expected.outputs[kFirstToken].value[i] = first_s;
    expected.outputs[kTaken].value[i] = taken ? 1.0 : 0.0;
  }
}

/// Four roundings of doubles; whether somebody is taken is exact.
Tolerance tolerance(const bench::Params&) { return {.relative = 4 * 0x1p-52}; }

bench::Params sizes(std::int64_t asked, std::int64_t slots) { return {{"N", asked}, {"S", slots}}; }

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What does it cost to know, before a request is taken in, that its first token would "
          "come too late?",
      .targets = {"ch17:early_rejection"},
      .tags = {"serving", "admission", "host"},
      .cases = {{.name = "flood_1024_slots",
                 .origin = "the engine's default of 1024 slots; 1000 requests between two steps",
                 .smoke = sizes(40, 64),
                 .full = sizes(1000, 1024)},
                {.name = "flood_4096_slots",
                 .origin = "4096 slots, as a simulated fleet has them; 4000 requests",
                 .smoke = sizes(70, 256),
                 .full = sizes(4000, 4096)}},
      .ragged = {sizes(1, 1), sizes(2, 3), sizes(17, 17), sizes(127, 200)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {walk_slots(), dense_rows(), sums_by_due()},
      .baseline = "walk_slots",
  };
}

}  // namespace aisp::labs::ch17::early_rejection
