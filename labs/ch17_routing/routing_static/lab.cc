// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "labs/ch17_routing/routing_static/problem.h"

namespace aisp::labs::ch17::routing_static {
namespace {

bench::Problem problem(const bench::Params& p) {
  return {.inputs = {{.name = "prompt", .dtype = DType::kI32, .shape = {p["N"]}}},
          .outputs = {{.name = "engine", .dtype = DType::kI32, .shape = {p["N"]}}}};
}

/// Log-normal around 450 tokens: about four in ten are long, in no order that could be learned.
void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  Rng rng(derive_seed(seed, 1));
  for (std::int32_t& prompt : io.fill<std::int32_t>(0)) {
    prompt = static_cast<std::int32_t>(std::clamp(450.0 * std::exp(rng.normal()), 1.0, 1e6));
  }
}

bench::Work work(const bench::Params& p) {
  const auto requests = static_cast<double>(p["N"]);
  return {.bytes_read = 4.0 * requests,
          .bytes_written = 4.0 * requests,
          .items = requests,
          .item_name = "decisions"};
}

/// The requests of each kind numbered; the number's remainder says the engine.
void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const auto prompts = io.in<std::int32_t>(0);
  std::int64_t large = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const bool is_long = prompts[i] >= kLongTokens;
    const std::int64_t little = static_cast<std::int64_t>(i) - large;
    const std::int64_t engine =
        is_long ? p["E"] - p["L"] + large % p["L"] : little % (p["E"] - p["L"]);
    expected.outputs[0].value[i] = static_cast<double>(engine);
    large += is_long;
  }
}

// Engines are numbers.
Tolerance tolerance(const bench::Params&) { return {}; }

bench::Params sizes(std::int64_t n, std::int64_t e, std::int64_t l) {
  return {{"N", n}, {"E", e}, {"L", l}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What does a static rule cost for each request, and what does its simplicity cost "
          "the users?",
      .targets = {"ch17:routing_static"},
      .tags = {"serving", "routing", "host"},
      .cases = {{.name = "16_engines",
                 .origin = "an hour of the Azure conversation trace of 2023, 19366 requests, on 16 "
                           "engines, 6 of them for long prompts",
                 .smoke = sizes(300, 16, 6),
                 .full = sizes(19366, 16, 6)},
                {.name = "4_engines",
                 .origin = "the fleet of the simulation: 4 engines, 1 of them for long prompts",
                 .smoke = sizes(100, 4, 1),
                 .full = sizes(19366, 4, 1)}},
      .ragged = {sizes(1, 2, 1), sizes(15, 3, 2), sizes(16, 16, 15), sizes(17, 16, 1),
                 sizes(1009, 7, 3)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {route_each(), two_turns(), expand_avx512()},
      .baseline = "route_each",
  };
}

}  // namespace aisp::labs::ch17::routing_static
