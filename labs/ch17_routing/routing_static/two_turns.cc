// The rule and nothing else: a comparison and two counters, each turned without a division.
#include "labs/ch17_routing/routing_static/problem.h"

namespace aisp::labs::ch17::routing_static {
namespace {

void assign(std::int32_t engines, std::int32_t long_engines, const bench::Io& io) {
  const auto prompts = io.in<std::int32_t>(0);
  const auto chosen = io.out<std::int32_t>(0);
  const std::int32_t border = engines - long_engines;
  std::int32_t little = 0, large = border;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const bool is_long = prompts[i] >= kLongTokens;
    chosen[i] = is_long ? large : little;
    large += is_long;
    little += !is_long;
    large = large == engines ? border : large;
    little = little == border ? 0 : little;
  }
}

}  // namespace

bench::Technique two_turns() {
  return {.name = "two_turns",
          .summary = "a comparison and two counters for each request",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([e = static_cast<std::int32_t>(params["E"]),
                                   l = static_cast<std::int32_t>(params["L"])](
                                      const bench::Io& io) { assign(e, l, io); });
          }};
}

}  // namespace aisp::labs::ch17::routing_static
