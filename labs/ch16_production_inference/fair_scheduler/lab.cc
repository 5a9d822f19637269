// The lab: what a flood of one tenant's requests does to the others. See README.md.
#include <algorithm>

#include "labs/ch16_production_inference/fair_scheduler/problem.h"

namespace aisp::labs::ch16::fair_scheduler {

using bench::Params;

recorded::Shape shape_of(const Params& p) {
  recorded::Shape shape(p);
  for (std::int64_t r = 0; r < p["F"]; ++r) {
    const std::int64_t answer = std::max<std::int64_t>(1, p["A"] * (1 + r % 4) / 2);
    shape.add(p["P"], answer, p["W"] == kEverybody ? answer : 0);
  }
  for (std::int64_t r = 0; r < p["T"]; ++r) shape.add(p["P"], p["A"], p["A"]);
  return shape;
}

int serve_by(const Policy& policy, const Params& p, recorded::Steps& steps, const bench::Io& io) {
  const std::int64_t flood = p["F"];
  serve::Config config = recorded::config_of(steps.shape(), p["B"]);
  config.tenants = policy.knows_tenants ? static_cast<int>(1 + p["T"]) : 1;
  steps.begin(io);
  recorded::Server server(steps, config);
  int taken = 0;
  for (std::int64_t r = 0; r < flood; ++r) server.submit(r, 0, policy.flood_patience_s);
  for (; taken < p["G"]; ++taken) server.step();
  for (std::int64_t r = flood; r < steps.shape().count(); ++r) {
    server.submit(r, policy.knows_tenants ? static_cast<int>(1 + r - flood) : 0, policy.patience_s);
  }
  for (; !steps.done() && server.step(); ++taken) {
  }
  return taken;
}

bench::Technique by_policy(const char* name, const char* summary, const Policy& policy) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = summary;
  technique.plan = [policy](const Params& params) {
    struct State {
      explicit State(const Params& p)
          : shape(shape_of(p)),
            steps(shape, p["B"] * recorded::Shape::blocks_for(shape.longest),
                  p["B"] + shape.longest_prompt, p["B"]) {}
      recorded::Shape shape;
      recorded::Steps steps;
    };
    return bench::plan_of([policy, params, state = std::make_shared<State>(params)](
                              const bench::Io& io) { serve_by(policy, params, state->steps, io); });
  };
  return technique;
}

namespace {

Params sizes(std::int64_t m, std::int64_t l, std::int64_t v, std::int64_t f, std::int64_t t,
             Awaited awaited) {
  const std::int64_t small = m == 0 ? 1 : 0;
  return {{"M", m}, {"L", l},
          {"V", v}, {"F", f},
          {"T", t}, {"P", small ? 7 : 24},
          {"A", 8}, {"B", small ? 3 : 4},
          {"G", 4}, {"W", awaited}};
}

bench::Case one_case(const char* name, const char* who, Awaited awaited) {
  return {.name = name,
          .origin = std::string("stories15M of llama2.c, 3 of its 6 layers, 512 pieces: 32 "
                                "requests of one tenant, then one of each of 3 others; until ") +
                    who,
          .smoke = sizes(0, 1, 260, 7, 2, awaited),
          .full = sizes(1, 3, 512, 32, 3, awaited)};
}

}  // namespace

bench::Lab describe() {
  return recorded::lab_of(
      shape_of,
      {
          .question = "What does one tenant's flood cost the others, and what does fairness cost "
                      "everybody?",
          .targets = {"ch16:fair_scheduler"},
          .tags = {"transformer", "scheduling", "serving", "latency"},
          .cases = {one_case("others", "the others are answered", kOthers),
                    one_case("everybody", "everybody is answered", kEverybody)},
          // No other tenant waits for a flood of one; more tenants than places.
          .ragged = {sizes(0, 1, 260, 1, 1, kOthers), sizes(0, 1, 260, 4, 5, kOthers),
                     sizes(0, 1, 261, 5, 1, kEverybody)},
          .techniques = {arrival_order(), declared_batch(), fair_shares()},
          .baseline = "arrival_order",
      });
}

}  // namespace aisp::labs::ch16::fair_scheduler
